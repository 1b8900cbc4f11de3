import { expect, onTestFinished, test, vi } from "vitest";

import type { Chat } from "@chatserver/client";

import { connected, direct, network, recorded, soon, until } from "../../../testing/chats.js";
import { drainedServer, people, serverUrl } from "../../../testing/people.js";

/** What the server asks a chat to wait before it comes back, and what the chat then waits; in ms. */
function leave(chat: Chat): { asked: number; waits: number } {
  const leave = { asked: NaN, waits: NaN };
  chat.on("push", ({ event, data }) => {
    if (event === "session:draining") leave.asked = data.reconnectAfterMs;
  });
  const timers = vi.spyOn(globalThis, "setTimeout");
  onTestFinished(() => timers.mockRestore());
  chat.on("status", (status) => {
    // The timer that was started last is the one that dials.
    if (status === "waiting") leave.waits = timers.mock.lastCall?.[1] ?? NaN;
  });
  return leave;
}

test("Those whose server is stopped wait as long as it asks, come back to another one, and miss nothing.", async () => {
  const [alice, bob] = people(2);
  const { url, drain } = drainedServer();
  const nets = [await network(url), await network(url)] as const;
  const a = await connected(alice, { url: nets[0].url });
  const b = await connected(bob, { url: nets[1].url });
  const heard = recorded(b);
  const conversationId = await direct(a, bob);
  const send = (content: string) => a.send({ conversationId, content }).sent;
  const leaves = [leave(a), leave(b)];
  const sent = [send("1"), send("2"), send("3")];
  await drain();
  for (const chat of [a, b]) await until(chat, "status", () => chat.status === "waiting", "leave");
  for (const { asked, waits } of leaves) expect(waits).toBeGreaterThan(asked);

  for (const net of nets) net.lead(serverUrl());
  sent.push(send("4"), send("5"));
  await soon(Promise.all(sent), "all acks");
  await until(b, "push", () => heard.texts().length >= 5, "all messages");
  expect(heard.texts()).toEqual(["1", "2", "3", "4", "5"]);
});
