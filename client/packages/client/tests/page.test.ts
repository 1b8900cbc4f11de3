// @vitest-environment happy-dom
import { expect, test, vi } from "vitest";

import { connected, direct, recorded, soon, until } from "../../../testing/chats.js";
import { people } from "../../../testing/people.js";
import { watchPage } from "../src/page.js";

function show(state: "visible" | "hidden") {
  vi.spyOn(document, "visibilityState", "get").mockReturnValue(state);
  document.dispatchEvent(new Event("visibilitychange"));
}

function watched() {
  const told: string[] = [];
  const stop = watchPage({
    wake: () => told.push("wake"),
    sleep: () => told.push("sleep"),
    unplug: () => told.push("unplug"),
  });
  return { told, stop };
}

test("A page that comes back wakes the connection, and so does a network.", () => {
  const { told, stop } = watched();
  show("visible");
  window.dispatchEvent(new Event("online"));
  const restored = Object.assign(new Event("pageshow"), { persisted: true });
  window.dispatchEvent(restored);
  window.dispatchEvent(Object.assign(new Event("pageshow"), { persisted: false }));
  window.dispatchEvent(new Event("offline"));
  stop();
  show("visible");
  window.dispatchEvent(new Event("online"));
  expect(told).toEqual(["wake", "wake", "wake", "unplug"]);
});

test("A page that is hidden for five minutes needs no connection.", () => {
  vi.useFakeTimers();
  try {
    const { told, stop } = watched();
    show("hidden");
    vi.advanceTimersByTime(299_999);
    expect(told).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(told).toEqual(["sleep"]);
    show("visible");
    show("hidden");
    vi.advanceTimersByTime(100_000);
    stop();
    vi.advanceTimersByTime(1_000_000);
    expect(told).toEqual(["sleep", "wake"]);
  } finally {
    vi.useRealTimers();
  }
});

test("A page that is hidden for long hangs up, and has what it missed when it is seen again.", async () => {
  const [alice, bob] = people(2);
  const b = await connected(bob);
  const heard = recorded(b);
  const a = await connected(alice);
  const conversationId = await direct(a, bob);
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  show("hidden");
  vi.advanceTimersByTime(300_000);
  vi.useRealTimers();
  expect([a.status, b.status]).toEqual(["offline", "offline"]);
  // It is kept until the page is seen, too.
  const { sent } = a.send({ conversationId, content: "kept" });
  show("visible");
  await soon(sent, "the ack");
  await until(b, "push", () => heard.texts().length === 1, "the message");
  expect(heard.texts()).toEqual(["kept"]);
});
