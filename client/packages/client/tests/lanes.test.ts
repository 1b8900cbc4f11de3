import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { ChatError } from "@chatserver/client";

import type { OutboxEntry } from "../src/entry.js";
import { Lanes } from "../src/lanes.js";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function refusal(
  code: "UNAVAILABLE" | "RATE_LIMIT_EXCEEDED" | "VALIDATION_ERROR",
  retryAfter?: number,
) {
  const retryable = code !== "VALIDATION_ERROR";
  return new ChatError({ code, message: code, retryable, ...(retryAfter && { retryAfter }) });
}

/** Lanes with these messages, such as "a1": the first of lane a. */
function lanes(...ids: string[]) {
  const entries = new Map(
    ids.map((clientMessageId, order): [string, OutboxEntry] => {
      const draft = { conversationId: clientMessageId.slice(0, 1), content: "" };
      return [clientMessageId, { clientMessageId, userId: null, draft, order, state: "queued" }];
    }),
  );
  const sent: string[] = [];
  const answers = new Map<string, (answer: ChatError | undefined) => void>();
  let runs = true;
  const made = new Lanes({
    entries: () => [...entries.values()],
    laneOf: ({ draft }) => draft.conversationId ?? "",
    mayRun: () => runs,
    mayGo: () => true,
    isThere: ({ clientMessageId }) => entries.has(clientMessageId),
    show: (entry) => entries.set(entry.clientMessageId, entry),
    attempt: ({ clientMessageId: id }) => {
      sent.push(id);
      return new Promise((resolve) => answers.set(id, resolve));
    },
    fail: (entry) => {
      entries.set(entry.clientMessageId, { ...entry, state: "failed" });
      return Promise.resolve();
    },
  });
  return {
    lanes: made,
    entries,
    /** What was sent since this was asked last. */
    sent: () => sent.splice(0),
    /** The server answers: it has the message, or refuses it. */
    answer: async (id: string, error?: ChatError) => {
      if (!error) entries.delete(id);
      answers.get(id)?.(error);
      await vi.advanceTimersByTimeAsync(0);
    },
    stop: () => {
      runs = false;
      made.stop();
    },
  };
}

test("One message of a conversation is on its way at a time, and those of others beside it.", async () => {
  const { lanes: made, sent, answer } = lanes("a1", "a2", "b1");
  made.drain();
  made.drain();
  expect(sent()).toEqual(["a1", "b1"]);
  await answer("a1");
  expect(sent()).toEqual(["a2"]);
});

test("What may succeed later is tried again after as long as the server says, before what comes behind it.", async () => {
  const { lanes: made, sent, answer } = lanes("a1", "a2");
  made.drain();
  await answer("a1", refusal("UNAVAILABLE", 3));
  sent();
  await vi.advanceTimersByTimeAsync(2_999);
  expect(sent()).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  expect(sent()).toEqual(["a1"]);
});

test("A limit is the person's: no conversation is sent to before it is over.", async () => {
  const { lanes: made, sent, answer } = lanes("a1", "b1", "b2");
  made.drain();
  sent();
  await answer("a1", refusal("RATE_LIMIT_EXCEEDED", 5));
  await answer("b1");
  expect(sent()).toEqual([]);
  await vi.advanceTimersByTimeAsync(5_000);
  expect(sent()).toEqual(["a1"]);
  await answer("a1");
  expect(sent()).toEqual(["b2"]);
});

test("What is refused for good holds nobody up.", async () => {
  const { lanes: made, entries, sent, answer } = lanes("a1", "a2");
  made.drain();
  await answer("a1", refusal("VALIDATION_ERROR"));
  expect(entries.get("a1")?.state).toBe("failed");
  expect(sent()).toEqual(["a1", "a2"]);
});

test("Without a link it is queued again, also while it waits to be tried again.", async () => {
  const { lanes: made, entries, sent, answer, stop } = lanes("a1");
  made.drain();
  await answer("a1", refusal("UNAVAILABLE", 60));
  stop();
  await vi.advanceTimersByTimeAsync(0);
  await answer("a1", refusal("UNAVAILABLE"));
  expect(entries.get("a1")?.state).toBe("queued");
  expect(sent()).toEqual(["a1", "a1"]);
});
