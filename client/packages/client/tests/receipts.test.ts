import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { Receipts, type ReceiptsHooks } from "../src/receipts.js";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function receipts(isOnline = () => true) {
  const tell = vi.fn<ReceiptsHooks["tell"]>(() => Promise.resolve());
  return { tell, receipts: new Receipts({ isOnline, tell }) };
}

test("What comes within 300 ms is told in one: the newest message of each conversation.", () => {
  const { tell, receipts: made } = receipts();
  made.received("a", "a1", 1);
  made.received("b", "b7", 7);
  vi.advanceTimersByTime(299);
  made.received("a", "a2", 2);
  expect(tell).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(tell.mock.calls).toEqual([["chat:message_delivered", { messageIds: ["a2", "b7"] }]]);
  vi.advanceTimersByTime(1_000);
  expect(tell).toHaveBeenCalledTimes(1);
});

test("What was read was received, and is told once, unless it was marked as unread since.", async () => {
  const { tell, receipts: made } = receipts();
  made.received("a", "a2", 2);
  made.read("a", 1);
  made.read("a", 2);
  await vi.advanceTimersByTimeAsync(300);
  const read = ["chat:message_read", { conversationId: "a", upToSeq: 2 }];
  expect(tell.mock.calls).toEqual([read]);
  made.read("a", 2);
  await vi.advanceTimersByTimeAsync(300);
  expect(tell.mock.calls).toEqual([read]);
  made.unread("a");
  made.read("a", 2);
  await vi.advanceTimersByTimeAsync(300);
  expect(tell.mock.calls).toEqual([read, read]);
});

test("Without a link they wait for the next session.", async () => {
  let isOnline = false;
  const { tell, receipts: made } = receipts(() => isOnline);
  made.read("a", 2);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(tell).not.toHaveBeenCalled();
  isOnline = true;
  made.resume();
  await vi.advanceTimersByTimeAsync(300);
  expect(tell).toHaveBeenCalledTimes(1);
});
