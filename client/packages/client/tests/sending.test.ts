import { expect, test } from "vitest";

import { ChatError, memory } from "@chatserver/client";

import {
  chatOf,
  connected,
  direct,
  network,
  recorded,
  soon,
  until,
} from "../../../testing/chats.js";
import { people } from "../../../testing/people.js";

test("A message is sent, acknowledged, and pushed to both.", async () => {
  const [alice, bob] = people(2);
  const a = await connected(alice);
  const b = await connected(bob);
  const heard = recorded(b);
  const conversationId = await direct(a, bob);
  const { clientMessageId, sent } = a.send({ conversationId, content: "Hello" });
  const message = await soon(sent, "the ack");
  expect(message).toMatchObject({ content: "Hello", client_message_id: clientMessageId });
  await until(b, "push", () => heard.texts().length === 1, "the message");
  expect(heard.texts()).toEqual(["Hello"]);
  expect(a.outbox.entries).toEqual([]);
});

test("What is sent while the link is away is sent once, in order, when it is back.", async () => {
  const [alice, bob] = people(2);
  const net = await network();
  const b = await connected(bob);
  const heard = recorded(b);
  const a = await connected(alice, { url: net.url });
  const conversationId = await direct(a, bob);
  const texts = Array.from({ length: 20 }, (_, n) => `${n}`);
  const sending = texts.slice(0, 10).map((content) => a.send({ conversationId, content }).sent);
  net.block(true);
  await until(a, "status", () => a.status !== "online", "the loss of the link");
  sending.push(...texts.slice(10).map((content) => a.send({ conversationId, content }).sent));
  expect(a.outbox.entries.length).toBeGreaterThanOrEqual(10);
  net.block(false);
  a.wake();
  await soon(Promise.all(sending), "all acks");
  await until(b, "push", () => heard.texts().length >= 20, "all messages");
  expect(heard.texts()).toEqual(texts);
});

test("A message whose ack is lost is stored once.", async () => {
  const [alice, bob] = people(2);
  const net = await network();
  const a = await connected(alice, { url: net.url });
  const conversationId = await direct(a, bob);
  const b = await connected(bob);
  const heard = recorded(b);
  net.mute(true);
  const { sent } = a.send({ conversationId, content: "once" });
  await until(b, "push", () => heard.texts().length === 1, "the message");
  net.mute(false);
  net.cut();
  await soon(sent, "the ack of the repetition");
  const { messages } = await a.ask("chat:history", { conversationId });
  expect(messages.map(({ content }) => content)).toEqual(["once"]);
});

test("A message that is refused for good fails, is in nobody's way, and may be retried in other words.", async () => {
  const [alice, bob] = people(2);
  const a = await connected(alice);
  const conversationId = await direct(a, bob);
  const refused = a.send({ conversationId, content: "x".repeat(10_001) });
  const after = a.send({ conversationId, content: "after" });
  const error: unknown = await soon(refused.sent, "the refusal").catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(ChatError);
  expect(error).toMatchObject({ code: "VALIDATION_ERROR", retryable: false });
  await soon(after.sent, "the next message");
  expect(a.outbox.entries).toMatchObject([
    { state: "failed", error: { code: "VALIDATION_ERROR" } },
  ]);
  const again = a.outbox.retry(refused.clientMessageId, { conversationId, content: "shorter" });
  expect(again?.clientMessageId).not.toBe(refused.clientMessageId);
  await soon(again!.sent, "the retry");
  expect(a.outbox.entries).toEqual([]);
});

test("What is kept is sent by the next one who opens the same storage, and not for somebody else.", async () => {
  const [alice, bob, carol] = people(3);
  const storage = memory();
  const first = await connected(alice, { storage });
  const conversationId = await direct(first, bob);
  first.close();
  const { clientMessageId } = first.send({ conversationId, content: "kept" });
  await until(first, "outbox", () => first.outbox.entries.length === 1, "the entry");
  const other = await connected(carol, { storage });
  expect(other.outbox.entries).toEqual([]);
  other.close();
  const again = chatOf(alice, { storage });
  await again.outbox.loaded;
  again.open();
  await until(
    again,
    "sent",
    () => again.status === "online" && !again.outbox.entries.length,
    "the sending",
  );
  const { messages } = await again.ask("chat:history", { conversationId });
  expect(messages.map(({ client_message_id: id }) => id)).toEqual([clientMessageId]);
});
