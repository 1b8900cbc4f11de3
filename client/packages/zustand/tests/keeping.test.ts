import "fake-indexeddb/auto";

import { expect, onTestFinished, test, vi } from "vitest";

import { indexedDb, type Push } from "@chatserver/client";
import {
  createChatStore,
  emptyDomain,
  reduce,
  type ChatStore,
  type Domain,
} from "@chatserver/zustand";

import { chatOf, connected, direct, network, until } from "../../../testing/chats.js";
import { conversation, ME, message } from "../../../testing/fixtures.js";
import { people, type Somebody } from "../../../testing/people.js";
import { becomes, sayMuch, shownBy, shownTo, texts } from "../../../testing/stores.js";
import { takeKept, takeListed } from "../src/lists.js";
import { beginPage, takePage } from "../src/windows.js";

/** A store of somebody whose chat keeps what it shows under a name. */
function keeping(person: Somebody, name: string, url: string): ChatStore {
  const chat = chatOf(person, { url, storage: indexedDb(name) });
  const store = createChatStore(chat, { keptFor: person.id });
  onTestFinished(() => store.destroy());
  return store;
}

/** Somebody opens a conversation, and closes the page once that is kept. */
async function openOnce(person: Somebody, name: string, url: string, id: string): Promise<void> {
  const store = keeping(person, name, url);
  store.chat.open();
  await becomes(store, (state) => id in state.conversations);
  await store.getState().actions.select(id);
  const kept = () => indexedDb(name).list(`kept:${person.id}:page:`);
  await vi.waitFor(async () => expect(await kept()).toHaveLength(1), 20_000);
  store.destroy();
  store.chat.close();
}

test("What was shown is shown again without a link, and with one what has become of it since.", async () => {
  const [alice, bob] = people(2);
  const net = await network();
  const b = await connected(bob);
  const id = await direct(b, alice);
  const said = await Promise.all(
    ["1", "2"].map((content) => b.send({ conversationId: id, content }).sent),
  );
  const name = `kept:${id}`;
  await openOnce(alice, name, net.url, id);

  net.block(true);
  await b.ask("chat:message_edit", { messageId: said[0]!.id, content: "1, in other words" });
  await b.send({ conversationId: id, content: "3" }).sent;
  const store = keeping(alice, name, net.url);
  store.chat.open();
  await becomes(store, (state) => texts(state, id).length === 2);
  await store.getState().actions.select(id);
  store.getState().actions.send(id, { content: "4" });
  expect(texts(store.getState(), id)).toEqual(["1", "2", "4"]);

  const shown = new Set<number>();
  onTestFinished(store.subscribe((state) => void shown.add(texts(state, id).length)));
  net.block(false);
  store.chat.wake();
  await until(store.chat, "outbox", () => !store.chat.outbox.entries.length, "an empty outbox");
  await becomes(store, ({ isListed, windows }) => {
    const { kept, loading } = windows[id] ?? {};
    return isListed && !kept && loading === null;
  });
  expect(texts(store.getState(), id)).toEqual(["1, in other words", "2", "3", "4"]);
  expect(Math.min(...shown)).toBe(3);
  await becomes(store, ({ asking, stale }) => !Object.keys({ ...asking, ...stale }).length);
  // The other has received what was sent, and this page has been told.
  await becomes(
    store,
    (state) =>
      state.messagesById[state.messageIdsByConversation[id]?.at(-1) ?? ""]?.status === "delivered",
  );
  expect(shownBy(store.getState())).toEqual(await shownTo(store.chat, [id]));
});

test("A page that is loaded anew opens where the unread messages begin, where its newest messages are not all of them.", async () => {
  const [alice, bob] = people(2);
  const b = await connected(bob);
  const id = await direct(b, alice);
  await b.send({ conversationId: id, content: "0" }).sent;
  const net = await network();
  const name = `unread:${id}`;
  await openOnce(alice, name, net.url, id);

  await sayMuch(b, id);
  const store = keeping(alice, name, net.url);
  await becomes(store, (state) => texts(state, id).length === 1);
  await store.getState().actions.select(id);
  store.chat.open();
  const state = await becomes(store, ({ isListed, windows }) => {
    const { kept, loading } = windows[id] ?? {};
    return isListed && !kept && loading === null;
  });
  expect(texts(state, id).slice(0, 3)).toEqual(["0", "1", "2"]);
  expect(state.windows[id]).toMatchObject({ atStart: true, atEnd: false });
});

test("Of somebody who has signed out nothing is kept.", async () => {
  const [alice, bob] = people(2);
  const b = await connected(bob);
  const id = await direct(b, alice);
  const net = await network();
  const name = `forgotten:${id}`;
  const store = keeping(alice, name, net.url);
  store.chat.open();
  await becomes(store, (state) => id in state.conversations);
  await store.getState().actions.select(id);
  await vi.waitFor(async () => expect(await indexedDb(name).list("kept:")).toHaveLength(2), 20_000);
  await store.chat.forget();
  vi.useFakeTimers({ toFake: ["setTimeout"] });
  try {
    store.setState({ messagesById: { ...store.getState().messagesById } });
    vi.advanceTimersByTime(60_000);
  } finally {
    vi.useRealTimers();
  }
  expect(await indexedDb(name).list("")).toEqual([]);
});

function page(seqs: number[]) {
  const pagination = { limit: 50, offset: 0, hasMore: true, nextBeforeSeq: 10 };
  return { messages: seqs.map((seq) => message("c", seq)), total: 12, pagination };
}

test("What was kept makes way for the newest page, and what is pushed meanwhile stays.", () => {
  const pages = [
    { conversationId: "c", messages: [1, 2, 3].map((seq) => message("c", seq)), isWhole: true },
  ];
  const kept = takeKept({ ...emptyDomain, me: ME }, [conversation("c"), conversation("d")], pages);
  const now = { ...conversation("c"), last_seq: 12, last_message: message("c", 12) };
  const listed = takeListed(kept, { conversations: [now], first: true, last: true });
  expect(listed.conversationOrder).toEqual(["c"]);
  const asked = beginPage(listed, "c", "newest", null);
  const { conversation_id: conversationId, ...posted } = message("c", 13);
  const pushed = reduce(asked, [
    {
      event: "chat:message_received",
      data: { ...posted, conversation_id: conversationId, conversationId },
    },
    {
      event: "chat:message_pinned",
      data: { conversationId, seq: 14, messageId: "c-2", by: ME },
    },
  ]);
  expect(pushed.messageIdsByConversation.c).toEqual(["c-1", "c-2", "c-3", "c-13"]);
  const state = takePage(pushed, "c", 1, "newest", { older: page([11, 12]) });
  expect(state.messageIdsByConversation.c).toEqual(["c-11", "c-12", "c-13"]);
  expect(Object.keys(state.messagesById).sort()).toEqual(["c-11", "c-12", "c-13"]);
  expect(state.windows.c?.kept).toBeUndefined();
});

test("Events about what was kept take nothing away of what happened before them, whichever comes first.", () => {
  const pages = [{ conversationId: "c", messages: [message("c", 3)], isWhole: true }];
  const kept = takeKept({ ...emptyDomain, me: ME }, [conversation("c")], pages);
  // Pinned while the page was away, and then somebody reacts.
  const pinned = { ...message("c", 3), is_pinned: true, updated_seq: 8 };
  const reaction = { user_id: "bob", username: "bob", reaction: "👍" };
  const reacted: Push = {
    event: "chat:reaction_added",
    data: { conversationId: "c", seq: 9, messageId: "c-3", reaction },
  };
  const both = { is_pinned: true, reactions: [reaction], updated_seq: 9 };
  const found = { messages: [pinned], total: 1, pagination: page([]).pagination };
  const shown = (state: Domain) =>
    takePage(state, "c", 0, "newest", { older: found }).messagesById["c-3"];

  const asked = beginPage(kept, "c", "newest", null);
  const late = reduce(asked, [reacted]);
  expect(late.messagesById["c-3"]).toMatchObject({ reactions: [reaction] });
  expect(shown(late)).toMatchObject(both);
  // Where the event came first, the page has it.
  found.messages = [{ ...pinned, ...both }];
  expect(shown(beginPage(reduce(kept, [reacted]), "c", "newest", null))).toMatchObject(both);
});

test("A list that comes after the newest page shows that on until it is loaded anew.", () => {
  const pages = [{ conversationId: "c", messages: [message("c", 3)], isWhole: false }];
  const kept = takeKept({ ...emptyDomain, me: ME }, [conversation("c"), conversation("d")], pages);
  const asked = beginPage(kept, "c", "newest", null);
  const loaded = takePage(asked, "c", 0, "newest", { older: page([11, 12]) });
  expect(loaded.windows.c?.kept).toBeUndefined();
  const now = { ...conversation("c"), last_seq: 13, last_message: message("c", 13) };
  const list = { conversations: [now], first: true, last: true };
  const listed = takeListed(loaded, list);
  expect(listed.messageIdsByConversation.c).toEqual(["c-11", "c-12"]);
  expect(Object.keys(listed.messagesById).sort()).toEqual(["c-11", "c-12", "c-13"]);
  expect(listed.windows.c?.kept).toHaveLength(2);

  const again = beginPage(listed, "c", "newest", null);
  expect(again.messageIdsByConversation.c).toEqual(["c-11", "c-12"]);
  const state = takePage(again, "c", 1, "newest", { older: page([11, 12, 13]) });
  expect(state.messageIdsByConversation.c).toEqual(["c-11", "c-12", "c-13"]);
  expect(state.windows.c?.kept).toBeUndefined();
  // A list that is loaded once more is so because something was lost.
  expect(takeListed(state, list).windows).toEqual({});
});

test("A page that was asked for before the list is passed over: it may lack what the list has.", () => {
  const pages = [{ conversationId: "c", messages: [message("c", 3)], isWhole: false }];
  const kept = takeKept({ ...emptyDomain, me: ME }, [conversation("c")], pages);
  const asked = beginPage(kept, "c", "newest", null);
  const now = { ...conversation("c"), last_seq: 13, last_message: message("c", 13) };
  const listed = takeListed(asked, { conversations: [now], first: true, last: true });
  expect(takePage(listed, "c", 0, "newest", { older: page([11, 12]) })).toBe(listed);
  expect(listed.windows.c).toMatchObject({ loading: null, generation: 1 });
  expect(listed.messageIdsByConversation.c).toEqual(["c-3"]);
});
