import { expect, onTestFinished, test, vi } from "vitest";

import { memory } from "@chatserver/client";
import { createChatStore } from "@chatserver/zustand";

import { chatOf, connected, direct, network, soon, until } from "../../../testing/chats.js";
import { people } from "../../../testing/people.js";
import { becomes, shownBy, shownTo, storeOf, texts } from "../../../testing/stores.js";
import { Drafts } from "../src/drafts.js";

test("A message is shown at once, and is one row before and after the server has it.", async () => {
  const [alice, bob] = people(2);
  const net = await network();
  const a = await storeOf(alice, { url: net.url });
  const id = await a.getState().actions.openDirect(bob.id);
  await a.getState().actions.select(id);
  net.block(true);
  await until(a.chat, "status", () => a.chat.status !== "online", "the loss of the link");
  const { clientMessageId, sent } = a.getState().actions.send(id, { content: "Hello" });
  const pending = a.getState();
  expect(texts(pending, id)).toEqual(["Hello"]);
  expect(pending.messagesById[clientMessageId]?.pending?.state).toBe("queued");
  expect(pending.optimisticMessageIds).toEqual([clientMessageId]);
  net.block(false);
  a.chat.wake();
  // At no time it is shown twice, or not at all.
  const counts = new Set<number>();
  a.subscribe((state) => counts.add(texts(state, id).length));
  const message = await soon(sent, "the ack");
  await becomes(a, (state) => state.optimisticMessageIds.length === 0);
  expect([...counts]).toEqual([1]);
  expect(a.getState().messageIdsByConversation[id]).toEqual([message.id]);
  expect(a.getState().messagesById[message.id]?.client_message_id).toBe(clientMessageId);
});

test("A message that is refused says so, where it stands.", async () => {
  const [alice, bob] = people(2);
  const a = await storeOf(alice);
  const id = await a.getState().actions.openDirect(bob.id);
  await a.getState().actions.select(id);
  const { clientMessageId, sent } = a.getState().actions.send(id, { content: "x".repeat(10_001) });
  await sent.catch(() => undefined);
  const { pending } = a.getState().messagesById[clientMessageId]!;
  expect(pending).toMatchObject({ state: "failed", error: { code: "VALIDATION_ERROR" } });
  a.chat.outbox.discard(clientMessageId);
  expect(texts(a.getState(), id)).toEqual([]);
});

test("Edits, deletions and reactions are shown at once, and taken back where they are refused.", async () => {
  const [alice, bob] = people(2);
  const a = await storeOf(alice);
  const b = await storeOf(bob);
  const id = await a.getState().actions.openDirect(bob.id);
  const { id: mine } = await soon(
    a.chat.send({ conversationId: id, content: "mine" }).sent,
    "the ack",
  );
  const { id: theirs } = await soon(
    b.chat.send({ conversationId: id, content: "theirs" }).sent,
    "the ack",
  );
  const { actions } = a.getState();
  await actions.select(id);
  const message = (which: string) => a.getState().messagesById[which];

  const editing = actions.edit(mine, "mine, edited");
  expect(message(mine)).toMatchObject({ content: "mine, edited", isChanging: true });
  await editing;
  expect(message(mine)).toMatchObject({ content: "mine, edited", is_edited: true });
  expect(message(mine)).not.toHaveProperty("isChanging");

  const before = message(theirs);
  const refused = actions.edit(theirs, "not mine to edit");
  expect(message(theirs)?.content).toBe("not mine to edit");
  await expect(refused).rejects.toMatchObject({ code: "PERMISSION_DENIED" });
  // That it was delivered may be told meanwhile.
  expect({ ...message(theirs), status: before?.status }).toEqual(before);

  const reacting = actions.react(theirs, "👍");
  expect(message(theirs)?.reactions).toMatchObject([{ user_id: alice.id, reaction: "👍" }]);
  await reacting;
  const again = actions.react(theirs, "👍");
  expect(message(theirs)?.reactions).toEqual([]);
  await again;

  const erasing = actions.erase(theirs);
  expect(message(theirs)).toMatchObject({ content: null, is_deleted: true });
  await expect(erasing).rejects.toMatchObject({ code: "PERMISSION_DENIED" });
  expect(message(theirs)).toMatchObject({ content: "theirs", is_deleted: false });

  const hiding = actions.hide(theirs);
  expect(texts(a.getState(), id)).toEqual(["mine, edited"]);
  await hiding;
  await actions.erase(mine);
  await vi.waitFor(
    async () => expect(shownBy(a.getState())).toEqual(await shownTo(a.chat, [id])),
    20_000,
  );
});

test("Somebody else's change stays when one's own on the same message is refused.", async () => {
  const [alice, bob] = people(2);
  const net = await network();
  const a = await storeOf(alice, { url: net.url });
  const b = await storeOf(bob);
  const id = await a.getState().actions.openDirect(bob.id);
  const { id: theirs } = await soon(
    b.chat.send({ conversationId: id, content: "theirs" }).sent,
    "the ack",
  );
  await a.getState().actions.select(id);
  // Looked at from now on: it may be refused before the reaction is acked.
  const refused = expect(a.getState().actions.edit(theirs, "not mine to edit")).rejects.toThrow();
  await b.getState().actions.react(theirs, "🎉");
  await refused;
  const { messagesById } = await becomes(
    a,
    (state) => state.messagesById[theirs]?.reactions.length === 1,
  );
  expect(messagesById[theirs]).toMatchObject({
    content: "theirs",
    reactions: [{ user_id: bob.id }],
  });
});

test("History is loaded backwards page by page, each once, and back to a message that is looked for.", async () => {
  const [alice, bob] = people(2);
  const a = await storeOf(alice);
  const id = await a.getState().actions.openDirect(bob.id);
  const all = Array.from({ length: 130 }, (_, n) => `${n}`);
  const sent = await Promise.all(
    all.map((content) => a.chat.send({ conversationId: id, content }).sent),
  );
  const b = await storeOf(bob);
  const { actions } = b.getState();
  // None of it was read, and it is more than a page.
  await actions.select(id);
  expect(texts(b.getState(), id)).toEqual(all.slice(0, 50));
  await actions.loadNewest(id);
  expect(texts(b.getState(), id)).toEqual(all.slice(80));
  // Twice at once, as by two scrolls.
  await Promise.all([actions.loadOlder(id), actions.loadOlder(id)]);
  expect(texts(b.getState(), id)).toEqual(all.slice(30));
  expect(await actions.reveal(id, sent[0]!.id)).toBe(true);
  expect(texts(b.getState(), id)).toEqual(all);
  expect(b.getState().windows[id]).toMatchObject({ atStart: true, atEnd: true, loading: null });

  await actions.loadAround(id, sent[60]!.seq);
  expect(texts(b.getState(), id)).toEqual(all.slice(11, 111));
  // What comes now is not shown behind a hole.
  await soon(a.chat.send({ conversationId: id, content: "new" }).sent, "the ack");
  await becomes(b, (state) => state.conversations[id]?.last_seq === sent.at(-1)!.seq + 1);
  expect(texts(b.getState(), id)).toEqual(all.slice(11, 111));
  await actions.loadNewer(id);
  expect(texts(b.getState(), id)).toEqual([...all.slice(11), "new"]);
});

test("Unread counts follow messages, readings, marks and deletions.", async () => {
  const [alice, bob] = people(2);
  const a = await storeOf(alice);
  const b = await storeOf(bob);
  const id = await a.getState().actions.openDirect(bob.id);
  const unread = () => b.getState().conversations[id]?.unread_count;
  const send = (content: string) =>
    soon(a.chat.send({ conversationId: id, content }).sent, "the ack");
  const [first] = [await send("1"), await send("2"), await send("3")];
  await becomes(b, () => unread() === 3);
  await a.getState().actions.erase(first.id);
  await becomes(b, () => unread() === 2);
  b.getState().actions.read(id);
  await becomes(b, () => unread() === 0);
  await b.chat.ask("chat:conversation_mark_unread", { conversationId: id });
  await becomes(b, () => unread() === 1);
  await send("4");
  await becomes(b, (state) => state.conversations[id]?.last_seq === 5 + 1 && unread() === 1);
  b.getState().actions.read(id);
  await becomes(b, () => unread() === 0);
});

test("Who is online and who is typing is known, and passes.", async () => {
  const [alice, bob] = people(2);
  const a = await storeOf(alice);
  const id = await a.getState().actions.openDirect(bob.id);
  const b = await storeOf(bob);
  await becomes(a, (state) => state.presenceByUser[bob.id] === "online");
  await becomes(b, (state) => state.presenceByUser[alice.id] === "online");
  b.getState().actions.setDraft(id, "H");
  await becomes(a, (state) => state.typingByConversation[id]?.[0]?.userId === bob.id);
  b.getState().actions.send(id, { content: "Hello" });
  await becomes(a, (state) => state.typingByConversation[id] === undefined);
  await b.chat.ask("presence:offline");
  await becomes(a, (state) => state.presenceByUser[bob.id] === undefined);
});

test("A draft is kept by conversation, is there for the next page, and goes with what is sent.", async () => {
  const [alice, bob] = people(2);
  const a = await storeOf(alice);
  const id = await a.getState().actions.openDirect(bob.id);
  a.getState().actions.setDraft(id, "Unfinished");
  const again = await storeOf(alice, { storage: a.chat.storage });
  // Also where the conversation is not opened.
  await becomes(again, ({ drafts }) => drafts[id] === "Unfinished");
  again.getState().actions.send(id, { content: "Finished" });
  expect(again.getState().drafts[id]).toBeUndefined();
  expect(await a.chat.storage.get(`draft:${alice.id}:${id}`)).toBeUndefined();
});

test("What is written before the session stands is kept, too.", async () => {
  const [alice, bob] = people(2);
  const chat = chatOf(alice);
  const first = createChatStore(chat);
  const id = await direct(await connected(bob), alice);
  // The list comes beside the handshake, and what it shows can be written in.
  onTestFinished(
    chat.on("listed", () => {
      if (chat.session === undefined) first.getState().actions.setDraft(id, "Early");
    }),
  );
  chat.open();
  await until(chat, "status", () => chat.status === "online", "a session");
  const next = await storeOf(alice, { storage: chat.storage });
  await becomes(next, ({ drafts }) => drafts[id] === "Early");
});

test("What is written before there was any session is kept for whom the page is.", async () => {
  const [alice] = people(2);
  const storage = memory();
  const page = () => createChatStore(chatOf(alice, { storage }), { keptFor: alice.id });
  page().getState().actions.setDraft("a conversation", "Without a link");
  await becomes(page(), ({ drafts }) => drafts["a conversation"] === "Without a link");
});

test("A draft stays where the storage fails to tell what another page has written.", async () => {
  const [alice] = people(2);
  const storage = { ...memory(), get: () => Promise.reject(new Error("It fails")) };
  const store = createChatStore(chatOf(alice, { storage }), { keptFor: alice.id });
  store.getState().actions.setDraft("a conversation", "Written here");
  await new Drafts(store.chat, store).take(`draft:${alice.id}:a conversation`);
  expect(store.getState().drafts["a conversation"]).toBe("Written here");
});

test("Nobody finds another person's draft on the same device, and those who sign out leave nothing.", async () => {
  const [alice, bob] = people(2);
  const storage = memory();
  const a = await storeOf(alice, { storage });
  const id = await a.getState().actions.openDirect(bob.id);
  a.getState().actions.setDraft(id, "Between us");
  a.chat.close();
  const b = await storeOf(bob, { storage });
  await b.getState().actions.select(id);
  expect(b.getState().drafts).toEqual({});
  b.chat.send({ conversationId: id, content: "x".repeat(10_001) });
  await until(b.chat, "outbox", () => b.chat.outbox.entries[0]?.state === "failed", "the refusal");
  await b.chat.forget();
  expect(await storage.list("")).toEqual([]);
  expect([b.chat.outbox.entries, b.chat.status]).toEqual([[], "offline"]);
});

test("After a reload without a link what waits is shown as one's own.", async () => {
  const [alice, bob] = people(2);
  const storage = memory();
  const first = await storeOf(alice, { storage });
  const id = await first.getState().actions.openDirect(bob.id);
  first.chat.close();
  first.chat.send({ conversationId: id, content: "kept" });
  // The next page, to which nobody answers.
  const net = await network();
  net.block(true);
  const chat = chatOf(alice, { url: net.url, storage });
  const next = createChatStore(chat);
  chat.open();
  const state = await becomes(next, ({ optimisticMessageIds: ids }) => ids.length === 1);
  expect(state.me).toBe(alice.id);
  expect(texts(state, id)).toEqual(["kept"]);
  expect(state.messagesById[state.optimisticMessageIds[0]!]?.sender_id).toBe(alice.id);
});

test("What is attached goes with the next message, and is shown with it before the server has it.", async () => {
  const [alice, bob] = people(2);
  const a = await storeOf(alice);
  const { openDirect, attach, detach, send, select } = a.getState().actions;
  const id = await openDirect(bob.id);
  await select(id);
  const file = (name: string) => new File([name], name, { type: "text/plain" });
  attach(id, file("kept.txt"));
  const other = attach(id, file("taken away.txt"));
  await becomes(
    a,
    ({ attachments }) => attachments[id]?.every(({ state }) => state === "ready") === true,
  );
  detach(id, other);
  const { sent } = send(id, {});
  const [pending] = a.getState().messageIdsByConversation[id]!;
  const names = () => a.getState().messagesById[pending!]?.files.map(({ name }) => name);
  expect(names()).toEqual(["kept.txt"]);
  expect(a.getState().attachments[id]).toBeUndefined();
  const message = await sent;
  expect(message.files.map(({ name }) => name)).toEqual(["kept.txt"]);
  // Erased, it has none.
  await a.getState().actions.erase(message.id);
  expect(a.getState().messagesById[message.id]?.files).toEqual([]);
});
