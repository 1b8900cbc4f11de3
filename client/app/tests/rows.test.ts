import fc from "fast-check";
import { expect, test } from "vitest";

import type { ShownMessage } from "@chatserver/zustand";

import { ME, message } from "../../testing/fixtures.js";
import { Rows } from "../src/chat/rows.js";

type Messages = Record<string, ShownMessage>;

const MINUTE = 60_000;
const BEGINNING = Date.parse("2026-01-01T00:00:00.000Z");

/** A message by its number: of one of two, and some days apart after every hundredth. */
function said(seq: number): ShownMessage {
  const at = BEGINNING + seq * MINUTE + Math.floor(seq / 100) * 2_880 * MINUTE;
  return {
    ...message("c", seq),
    sender_id: seq % 7 < 3 ? ME : "bob",
    is_announcement: seq % 31 === 0,
    created_at: new Date(at).toISOString(),
  };
}

function some(count: number): { ids: string[]; messages: Messages } {
  const all = Array.from({ length: count }, (_, index) => said(index + 1));
  return {
    ids: all.map(({ id }) => id),
    messages: Object.fromEntries(all.map((one) => [one.id, one])),
  };
}

test("A message that comes to 10,000 costs a look at two of them, and one in their midst at those behind it.", () => {
  const { ids, messages } = some(10_050);
  let looks = 0;
  const counted = new Proxy(messages, {
    get(target, key: string) {
      looks += 1;
      return target[key];
    },
  });
  const rows = new Rows();
  const before = rows.of(ids.slice(0, -1), counted, ME, null, true);
  expect(looks).toBe(10_049);
  looks = 0;
  const after = rows.of(ids, counted, ME, null, true);
  expect(looks).toBe(2);
  expect(after).toHaveLength(before.length + 1);
  // What has not changed is the same, so that nothing of it is rendered again.
  expect(after.slice(0, -2).every((row, index) => row === before[index])).toBe(true);

  looks = 0;
  const without = rows.of(
    ids.filter((_, index) => index !== 9_949),
    counted,
    ME,
    null,
    true,
  );
  expect(looks).toBe(101);
  expect(without).toHaveLength(after.length - 1);
});

const range = fc.record({
  from: fc.nat(260),
  count: fc.nat(260),
  hole: fc.nat(300),
  isWhole: fc.boolean(),
});

test("Whatever comes and goes, the rows are those of whoever looks for the first time.", () => {
  const { ids, messages } = some(260);
  const pending = { clientMessageId: "own", state: "queued" } as unknown as ShownMessage["pending"];
  const all: Messages = {
    ...messages,
    own: { ...said(261), id: "own", sender_id: ME, pending } as ShownMessage,
  };
  fc.assert(
    fc.property(
      fc.array(range, { minLength: 2, maxLength: 12 }),
      fc.nat(260),
      (steps, afterSeq) => {
        const rows = new Rows();
        const line = { afterSeq, count: 3 };
        for (const { from, count, hole, isWhole } of steps) {
          const shown = ids.slice(from, from + count).filter((_, index) => index !== hole);
          // One that is not there any more, and one that is not sent yet.
          const asked = [...shown, ...(hole % 3 ? [] : ["gone"]), ...(hole % 2 ? [] : ["own"])];
          const fresh = new Rows().of(asked, all, ME, line, isWhole);
          expect(rows.of(asked, all, ME, line, isWhole)).toEqual(fresh);
        }
      },
    ),
    { seed: 1, numRuns: 200 },
  );
});
