import { expect, test, vi } from "vitest";

import { ChatError } from "@chatserver/client";

import { chatOf, connected, direct, network, soon, until } from "../../../testing/chats.js";
import { people, tokenOf } from "../../../testing/people.js";

test("A refused token is asked for afresh once, and then nobody is signed in.", async () => {
  const [alice] = people(2);
  const asked: boolean[] = [];
  const chat = chatOf(alice, {
    token: ({ refused }) => {
      asked.push(refused);
      return "no token at all";
    },
  });
  chat.open();
  await until(chat, "status", () => chat.status === "signedOut", "the end");
  expect(asked).toEqual([false, true]);
  expect(chat.error).toBeInstanceOf(ChatError);
  expect(chat.error?.code).toBe("AUTH_FAILED");
});

test("A fresh token is taken, and so is one after somebody was signed out.", async () => {
  const [alice] = people(2);
  let token = tokenOf(alice.id, -3600);
  const chat = chatOf(alice, { token: ({ refused }) => (refused ? alice.token : token) });
  chat.open();
  await until(chat, "status", () => chat.status === "online", "a session");
  chat.close();
  const other = chatOf(alice, { token: () => token });
  other.open();
  await until(other, "status", () => other.status === "signedOut", "the end");
  await expect(other.ask("system:ping")).rejects.toThrow(ChatError);
  token = alice.token;
  other.open();
  await until(other, "status", () => other.status === "online", "a session");
});

test("Nobody connects without a token; where it cannot be had now, it is asked for again.", async () => {
  const [alice] = people(2);
  const nobody = chatOf(alice, { token: () => null });
  nobody.open();
  await until(nobody, "status", () => nobody.status === "signedOut", "the end");
  let asked = 0;
  const chat = chatOf(alice, {
    token: () => {
      asked += 1;
      if (asked === 1) throw new Error("the main back end is away");
      return alice.token;
    },
  });
  chat.open();
  await until(chat, "status", () => chat.status === "online", "a session");
  expect(asked).toBe(2);
});

test("A session that ends soon is continued with a newer token.", async () => {
  const [alice] = people(2);
  let asked = 0;
  const chat = chatOf(alice, {
    token: () => {
      asked += 1;
      return tokenOf(alice.id, asked === 1 ? 30 : 3600);
    },
  });
  chat.open();
  await until(chat, "push", () => asked === 2, "the second token");
  expect(chat.status).toBe("online");
});

test("An ask waits for the link, and a lost one is asked again and done once.", async () => {
  const [alice, bob] = people(2);
  const net = await network();
  const a = await connected(alice, { url: net.url });
  const b = await connected(bob);
  const conversationId = await direct(a, bob);
  const { id: messageId } = await soon(a.send({ conversationId, content: "x" }).sent, "the ack");
  const reactions: string[] = [];
  b.on("push", ({ event }) => {
    if (event.startsWith("chat:reaction")) reactions.push(event);
  });
  net.mute(true);
  const reacting = a.ask("chat:reaction_add", { messageId, reaction: "👍" });
  await until(b, "push", () => reactions.length === 1, "the reaction");
  net.mute(false);
  net.cut();
  expect(await soon(reacting, "the answer")).toMatchObject({ reaction: "👍", removed: false });
  expect(reactions).toEqual(["chat:reaction_added"]);
});

test("An ask that nobody answers fails in time, and says so.", async () => {
  const [alice] = people(2);
  const net = await network();
  const chat = await connected(alice, { url: net.url, timeout: 200 });
  net.silence(true);
  await expect(chat.ask("system:ping")).rejects.toMatchObject({
    code: "NO_ANSWER",
    retryable: true,
  });
});

test("A refusal has all that the server says of it.", async () => {
  const [alice] = people(2);
  const chat = await connected(alice);
  const refused = chat.ask("chat:history", { conversationId: "nonsense" });
  await expect(refused).rejects.toMatchObject({
    name: "ChatError",
    code: "VALIDATION_ERROR",
    retryable: false,
    fields: { conversationId: expect.anything() as unknown },
  });
});

test("Others are told of typing no more often than the server passes it on.", async () => {
  const [alice, bob] = people(2);
  const a = await connected(alice);
  const b = await connected(bob);
  const conversationId = await direct(a, bob);
  const heard: boolean[] = [];
  b.on("push", ({ event, data }) => {
    if (event === "chat:user_typing") heard.push(data.isTyping);
  });
  for (let key = 0; key < 20; key += 1) a.typing(conversationId);
  a.typing(conversationId, false);
  a.typing(conversationId, false);
  await until(b, "push", () => heard.length === 2, "both");
  expect(heard).toEqual([true, false]);
});

test("What was received and read is told in one, and the sender learns of it.", async () => {
  const [alice, bob] = people(2);
  const a = await connected(alice);
  const b = await connected(bob);
  const conversationId = await direct(a, bob);
  const statuses: string[] = [];
  a.on("push", ({ event, data }) => {
    if (event === "chat:message_status_updated")
      statuses.push(`${data.status} ${data.messageIds.length}`);
  });
  const sent = await Promise.all(
    [1, 2, 3].map((n) => a.send({ conversationId, content: `${n}` }).sent),
  );
  await until(a, "push", () => statuses.length === 3, "the deliveries");
  expect(statuses).toEqual(["delivered 1", "delivered 1", "delivered 1"]);
  for (const { seq } of sent) b.read(conversationId, seq);
  await until(a, "push", () => statuses.length === 6, "the readings");
  expect(statuses.slice(3)).toEqual(["read 1", "read 1", "read 1"]);
});

test("Those who let go for a moment, as StrictMode does, keep their session.", () => {
  const [alice] = people(2);
  const chat = chatOf(alice);
  const statuses: string[] = [];
  chat.on("status", (status) => statuses.push(status));
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  try {
    chat.retain()();
    const release = chat.retain();
    vi.advanceTimersByTime(5_000);
    expect(statuses).toEqual(["connecting"]);
    release();
    release();
    vi.advanceTimersByTime(999);
    expect(statuses).toEqual(["connecting"]);
    vi.advanceTimersByTime(1);
    expect(statuses).toEqual(["connecting", "offline"]);
  } finally {
    vi.useRealTimers();
  }
});

test("A page that wakes up finds a link that is dead, and makes a new one.", async () => {
  const [alice] = people(2);
  const net = await network();
  const chat = await connected(alice, { url: net.url });
  const statuses: string[] = [];
  chat.on("status", (status) => statuses.push(status));
  // What was carried so far goes on being carried nowhere; whoever connects anew gets through.
  net.freeze();
  chat.wake();
  await until(chat, "status", () => statuses.includes("online"), "the next session");
  expect(statuses).toEqual(["waiting", "connecting", "online"]);
});
