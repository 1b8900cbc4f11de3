import "fake-indexeddb/auto";

import { afterEach, expect, test, vi } from "vitest";

import { indexedDb, type Chat } from "@chatserver/client";

import {
  chatOf,
  connected,
  direct,
  network,
  recorded,
  soon,
  until,
} from "../../../testing/chats.js";
import { fakeLocks } from "../../../testing/locks.js";
import { people } from "../../../testing/people.js";

afterEach(() => {
  vi.unstubAllGlobals();
});

let names = 0;
function storageName(): string {
  names += 1;
  return `test${names}`;
}

const texts = (chat: Chat) => chat.outbox.entries.map(({ draft }) => draft.content);

test("IndexedDB keeps values by key, and lists them in the order of their keys.", async () => {
  const storage = indexedDb(storageName());
  await storage.set("a:2", { n: 2 });
  await storage.set("a:1", { n: 1 });
  await storage.set("b:1", "other");
  expect(await storage.list("a:")).toEqual([{ n: 1 }, { n: 2 }]);
  expect(await storage.get("b:1")).toBe("other");
  await storage.delete("a:1");
  expect(await storage.list("a:")).toEqual([{ n: 2 }]);
  expect(await storage.get("a:1")).toBeUndefined();
});

test("Without IndexedDB memory stands in for it.", async () => {
  vi.stubGlobal("indexedDB", {
    open: () => {
      throw new Error("denied");
    },
  });
  const storage = indexedDb(storageName());
  await storage.set("a", 1);
  expect([await storage.get("a"), await storage.list("")]).toEqual([1, [1]]);
  await storage.delete("a");
  expect(await storage.get("a")).toBeUndefined();
});

test("What a page kept while it was offline is sent by the page after its reload, once and in order.", async () => {
  const [alice, bob] = people(2);
  const storage = () => indexedDb(name);
  const name = storageName();
  const b = await connected(bob);
  const heard = recorded(b);
  const conversationId = await direct(b, alice);
  const net = await network();
  net.block(true);
  const first = chatOf(alice, { url: net.url, storage: storage() });
  first.open();
  const sent = ["1", "2", "3"].map((content) => first.send({ conversationId, content }));
  // Reloaded: what is in memory is gone, and what is kept is not.
  await vi.waitFor(async () => expect(await storage().list("outbox:")).toHaveLength(3), 20_000);
  first.close();
  const second = chatOf(alice, { url: net.url, storage: storage() });
  await second.outbox.loaded;
  expect(second.outbox.entries.map(({ clientMessageId: id }) => id)).toEqual(
    sent.map(({ clientMessageId: id }) => id),
  );
  net.block(false);
  second.open();
  await until(b, "push", () => heard.texts().length >= 3, "the messages");
  expect(heard.texts()).toEqual(["1", "2", "3"]);
  await until(second, "outbox", () => second.outbox.entries.length === 0, "an empty outbox");
  await vi.waitFor(async () => expect(await storage().list("outbox:")).toEqual([]), 20_000);
});

test("Of two pages one sends what either has; when it is gone, the other does.", async () => {
  vi.stubGlobal("navigator", { locks: fakeLocks() });
  const [alice, bob] = people(2);
  const name = storageName();
  const net = await network();
  const b = await connected(bob);
  const heard = recorded(b);
  const one = await connected(alice, { url: net.url, storage: indexedDb(name) });
  const two = await connected(alice, { storage: indexedDb(name) });
  const conversationId = await direct(one, bob);
  // The one that leads is the first; what the second has goes out by it.
  const sent = two.send({ conversationId, content: "from two" });
  await soon(sent.sent, "its push");
  await until(b, "push", () => heard.texts().length === 1, "its push to Bob");
  // Its answers do not come any more: it has one on its way for ever.
  net.silence(true);
  one.send({ conversationId, content: "stuck" });
  await until(two, "outbox", () => texts(two).includes("stuck"), "the other's entry");
  one.close();
  await until(b, "push", () => heard.texts().length === 2, "the other's message");
  expect(heard.texts()).toEqual(["from two", "stuck"]);
});
