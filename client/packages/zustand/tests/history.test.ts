import { expect, test, vi } from "vitest";

import { connected, direct, network, soon, until } from "../../../testing/chats.js";
import { elsewhere } from "../../../testing/people.js";
import { shownBy, shownTo, storeOf, texts } from "../../../testing/stores.js";

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
