import { expect, test } from "vitest";

import type { Push } from "@chatserver/client";

import { Gate, type GateHooks } from "../src/gate.js";

const ME = "alice";

/** An edit, say: any event of a conversation. */
function event(seq: number, conversationId = "c"): Push {
  return {
    event: "chat:message_unpinned",
    data: { conversationId, seq, messageId: "m", by: "bob" },
  };
}

function gone(seq: number, who = ME): Push {
  const user = { user_id: who, username: who };
  return { event: "group:member_left", data: { conversationId: "c", seq, user, by: who } };
}

function gate(sync: GateHooks["sync"] = () => Promise.reject(new Error("nobody is asked"))) {
  const seqs: number[] = [];
  const lost: string[] = [];
  const made = new Gate({
    sync,
    deliver: (pushes) => seqs.push(...pushes.map(({ data }) => ("seq" in data ? data.seq : -1))),
    lost: (streams) => lost.push(...streams),
  });
  made.me = ME;
  return { gate: made, seqs, lost };
}

/** An answer of `chat:sync`. */
function page(seqs: number[], hasMore = false, limited = false) {
  return { success: true, events: seqs.map((seq) => event(seq)), hasMore, limited } as Awaited<
    ReturnType<GateHooks["sync"]>
  >;
}

const settled = () => new Promise((resolve) => setTimeout(resolve));

test("What came already is dropped, live and replayed.", () => {
  const { gate: made, seqs } = gate();
  made.seed("c", 3);
  for (const seq of [2, 3, 4, 4]) made.live(event(seq));
  made.replay([event(3), event(4), event(5)]);
  expect(seqs).toEqual([4, 5]);
});

test("A replay may have gaps: what the person has hidden is not in it.", () => {
  const { gate: made, seqs, lost } = gate();
  made.seed("c", 3);
  made.replay([event(7), event(9)]);
  made.live(event(10));
  expect([seqs, lost]).toEqual([[7, 9, 10], []]);
});

test("A live gap is mended, page by page, before what came behind it.", async () => {
  const asked: number[] = [];
  const { gate: made, seqs } = gate((_, after) => {
    asked.push(after);
    return Promise.resolve(after === 3 ? page([4, 5], true) : page([7]));
  });
  made.seed("c", 3);
  made.live(event(9));
  made.live(event(10));
  made.live(event(1, "another"));
  await settled();
  made.live(event(11));
  expect([asked, seqs]).toEqual([
    [3, 5],
    [1, 4, 5, 7, 9, 10, 11],
  ]);
});

test("A gap that the log does not have, or that nobody can say of, is a loss.", async () => {
  for (const sync of [() => Promise.resolve(page([], false, true)), undefined]) {
    const { gate: made, seqs, lost } = gate(sync);
    made.seed("c", 3);
    made.live(event(9));
    await settled();
    expect([seqs, lost]).toEqual([[], ["c"]]);
    // From here on it is known again.
    made.seed("c", 12);
    made.live(event(13));
    expect(seqs).toEqual([13]);
  }
});

test("A gap that is open when the link is lost is a loss in the next session.", async () => {
  const { gate: made, seqs, lost } = gate(() => new Promise(() => undefined));
  made.seed("c", 3);
  made.live(event(9));
  made.unlink();
  await settled();
  expect(lost).toEqual([]);
  made.replay([]);
  expect([seqs, lost]).toEqual([[], ["c"]]);
});

test("One's own end of a membership comes at once, and a repeated one ends no later membership.", () => {
  const { gate: made, seqs } = gate();
  made.seed("c", 3);
  made.live(gone(9));
  const conversation = {} as never;
  const user = { user_id: ME, username: ME };
  made.live({
    event: "group:member_added",
    data: { conversationId: "c", seq: 12, user, by: "bob", role: "member", conversation },
  });
  made.replay([gone(9), event(13)]);
  expect(seqs).toEqual([9, 12, 13]);
});

test("Positions are given once all of them are known: those of all conversations, and of the personal log.", () => {
  const { gate: made } = gate();
  made.seed("c", 3);
  made.epoch = "e";
  made.complete = true;
  expect(made.resume).toBeUndefined();
  made.live({ event: "user:blocked", data: { userId: "bob", personalSeq: 8 } });
  expect(made.resume).toEqual({ epoch: "e", me: 8, c: 3 });
  made.forget();
  expect(made.resume).toBeUndefined();
});
