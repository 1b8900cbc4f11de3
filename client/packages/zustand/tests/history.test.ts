import { expect, onTestFinished, test, vi } from "vitest";

import { createChatStore, emptyDomain } from "@chatserver/zustand";

import { chatOf, connected, direct, network, soon, until } from "../../../testing/chats.js";
import { conversation, ME, message } from "../../../testing/fixtures.js";
import { elsewhere, people } from "../../../testing/people.js";
import { becomes, sayMuch, shownBy, shownTo, storeOf, texts } from "../../../testing/stores.js";
import { takeListed, takeResync } from "../src/lists.js";
import { beginPage, takePage } from "../src/windows.js";

test("A database with another history is loaded anew; what waits in the outbox is sent to it.", async () => {
  const { url, people } = elsewhere();
  const [alice, bob] = people;
  const net = await network();
  const a = await storeOf(alice, { url: net.url });
  const id = await a.getState().actions.openDirect(bob.id);
  await a.getState().actions.select(id);
  await soon(a.chat.send({ conversationId: id, content: "lost" }).sent, "the ack");
  // The one that was restored, in which something else was said.
  const b = await connected(bob, { url });
  const other = await direct(b, alice);
  await soon(b.send({ conversationId: other, content: "restored" }).sent, "the ack");
  net.block(true);
  await until(a.chat, "status", () => a.chat.status !== "online", "the loss of the link");
  const { sent } = a.chat.send({ recipientId: bob.id, content: "kept" });
  net.lead(url);
  net.block(false);
  a.chat.wake();
  await soon(sent, "the ack");
  await a.getState().actions.select(other);
  await vi.waitFor(
    async () => expect(shownBy(a.getState())).toEqual(await shownTo(a.chat, [other])),
    20_000,
  );
  expect(a.getState().conversationOrder).toEqual([other]);
  expect(texts(a.getState(), other)).toEqual(["restored", "kept"]);
});

test("What is opened as soon as it is listed opens where the unread messages begin.", async () => {
  const [alice, bob] = people(2);
  const b = await connected(bob);
  const id = await direct(b, alice);
  await sayMuch(b, id);
  const chat = chatOf(alice);
  const store = createChatStore(chat);
  onTestFinished(() => store.destroy());
  // The list comes beside the handshake: before the session, which tells whose it is.
  onTestFinished(
    chat.on("listed", () => {
      const { me, selected, actions } = store.getState();
      if (selected !== null) return;
      expect(me).toBeNull();
      void actions.select(id);
    }),
  );
  chat.open();
  const state = await becomes(store, ({ windows }) => windows[id]?.loading === null);
  expect(texts(state, id).slice(0, 2)).toEqual(["1", "2"]);
  expect(state.windows[id]).toMatchObject({ atStart: true, atEnd: false });
});

test("What is opened before the session stands is loaded then, also where no list has it.", async () => {
  const [alice, bob] = people(2);
  const a = await connected(alice);
  const id = await direct(a, bob);
  await a.send({ conversationId: id, content: "said" }).sent;
  await a.ask("chat:conversation_delete", { conversationId: id });
  const chat = chatOf(alice);
  const store = createChatStore(chat);
  onTestFinished(() => store.destroy());
  await store.getState().actions.select(id);
  chat.open();
  const state = await becomes(store, ({ windows }) => windows[id]?.loading === null);
  expect([state.conversations[id], texts(state, id)]).toEqual([undefined, []]);
});

test("A page that was asked for before its window began anew is passed over.", () => {
  const list = { conversations: [conversation("c")], first: true, last: true };
  const pagination = { limit: 50, offset: 0, hasMore: true, nextBeforeSeq: 10 };
  const older = { messages: [message("c", 10)], total: 12, pagination };
  const asked = beginPage(takeListed({ ...emptyDomain, me: ME }, list), "c", "newest", null);
  const before = asked.windows.c!.generation;
  const again = beginPage(takeResync(asked, ["c"]), "c", "around", null);
  expect(takePage(again, "c", before, "newest", { older })).toBe(again);
});
