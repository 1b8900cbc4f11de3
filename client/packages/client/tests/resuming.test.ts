import { expect, test } from "vitest";

import {
  chatOf,
  connected,
  direct,
  network,
  recorded,
  soon,
  until,
} from "../../../testing/chats.js";
import { people, serverUrl } from "../../../testing/people.js";
import { startBackdoor } from "../../../testing/backdoor.js";

test("What was missed comes once and in order, however often the link is cut.", async () => {
  const [alice, bob] = people(2);
  const net = await network();
  const a = await connected(alice);
  const b = await connected(bob, { url: net.url });
  const heard = recorded(b);
  const conversationId = await direct(a, bob);
  const sent: Promise<unknown>[] = [];
  for (let round = 0; round < 4; round += 1) {
    sent.push(
      ...["x", "y", "z"].map((text) => a.send({ conversationId, content: `${text}${round}` }).sent),
    );
    net.cut();
    await until(b, "status", () => b.status !== "online", "the loss of the link");
    sent.push(a.send({ conversationId, content: `!${round}` }).sent);
    b.wake();
    await until(b, "status", () => b.status === "online", "the next session");
  }
  await soon(Promise.all(sent), "all acks");
  const last = a.send({ conversationId, content: "end" });
  await soon(last.sent, "the ack");
  await until(b, "push", () => heard.texts().at(-1) === "end", "the last message");
  const expected = [0, 1, 2, 3].flatMap((round) =>
    ["x", "y", "z", "!"].map((text) => `${text}${round}`),
  );
  expect(heard.texts()).toEqual([...expected, "end"]);
});

test("A new page begins with the list, and with what was said while it was loaded.", async () => {
  const [alice, bob] = people(2);
  const a = await connected(alice);
  const conversationId = await direct(a, bob);
  await soon(a.send({ conversationId, content: "before" }).sent, "the ack");
  const b = chatOf(bob);
  const heard = recorded(b);
  const listed: string[][] = [];
  b.on("listed", ({ conversations }) => {
    listed.push(conversations.map(({ id, last_message: last }) => `${id} ${last?.content ?? ""}`));
    if (listed.length === 1) a.send({ conversationId, content: "meanwhile" });
  });
  b.open();
  await until(b, "push", () => heard.texts().length === 1, "the message");
  expect(listed).toEqual([[`${conversationId} before`]]);
  expect(heard.texts()).toEqual(["meanwhile"]);
});

test("Where the page's request for the list fails, the session asks for it.", async () => {
  const [alice, bob] = people(2);
  const a = await connected(alice);
  const conversationId = await direct(a, bob);
  // A server whose REST is not there, as behind a proxy that knows nothing of it.
  const door = await startBackdoor(serverUrl());
  const b = chatOf(bob, { url: door.url });
  const listed: string[] = [];
  b.on("listed", ({ conversations }) => listed.push(...conversations.map(({ id }) => id)));
  b.open();
  await until(b, "listed", () => listed.length === 1, "the list");
  expect(listed).toEqual([conversationId]);
  expect(door.refused).toBe(1);
});

test("Whoever missed more than is replayed loads it anew.", async () => {
  const [alice, bob] = people(2);
  const net = await network();
  // A busy machine takes its time for a thousand.
  const a = await connected(alice, { timeout: 60_000 });
  const conversationId = await direct(a, bob);
  const { sent } = a.send({ conversationId, content: "0" });
  const { id: messageId } = await soon(sent, "the ack");
  const b = await connected(bob, { url: net.url });
  await b.ask("system:ping");
  const resync: string[] = [];
  const listed: number[] = [];
  b.on("resync", (ids) => resync.push(...ids));
  b.on("listed", ({ conversations }) =>
    listed.push(...conversations.map(({ last_seq: seq }) => seq)),
  );
  net.block(true);
  await until(b, "status", () => b.status !== "online", "the loss of the link");
  // More than a thousand events, which is what one conversation is replayed of.
  const many = Array.from({ length: 1_001 }, (_, n) =>
    a.ask(n % 2 ? "chat:message_unpin" : "chat:message_pin", { messageId }),
  );
  await Promise.all(many);
  net.block(false);
  b.wake();
  await until(b, "listed", () => listed.length > 0, "the conversation");
  expect(resync).toEqual([conversationId]);
  expect(listed).toEqual([1_003]);
});
