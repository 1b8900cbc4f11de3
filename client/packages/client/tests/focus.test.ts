import { expect, test, vi } from "vitest";

import { Focus } from "../src/focus.js";

test("What is in focus is told once it stays, after each beginning of a session, and never without one.", () => {
  vi.useFakeTimers();
  try {
    const told: (string | null)[] = [];
    let isOnline = false;
    const focus = new Focus({
      isOnline: () => isOnline,
      tell: (id) => Promise.resolve(told.push(id)),
    });
    focus.show("a");
    vi.runAllTimers();
    expect(told).toEqual([]);
    isOnline = true;
    focus.resume();
    vi.runAllTimers();
    focus.show("b");
    focus.show("c");
    vi.runAllTimers();
    focus.show("c");
    vi.runAllTimers();
    expect(told).toEqual(["a", "c"]);
    focus.resume();
    vi.runAllTimers();
    focus.show(null);
    vi.runAllTimers();
    expect(told).toEqual(["a", "c", "c", null]);
    focus.show("d");
    focus.close();
    vi.runAllTimers();
    expect(told).toHaveLength(4);
  } finally {
    vi.useRealTimers();
  }
});
