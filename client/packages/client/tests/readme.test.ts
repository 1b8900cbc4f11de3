import "fake-indexeddb/auto";

import { fileURLToPath } from "node:url";

import { expect, test, vi } from "vitest";

import { people, serverUrl } from "../../../testing/people.js";
import { programOf } from "../../../testing/readme.js";

test("The README's code does what it says.", async () => {
  const [alice, bob] = people(2);
  const said: unknown[][] = [];
  vi.spyOn(console, "log").mockImplementation((...words: unknown[]) => said.push(words));
  vi.stubGlobal("fetchToken", () => Promise.resolve(alice.token));
  const program = programOf(fileURLToPath(new URL("..", import.meta.url)), "ts", {
    "https://chat.example.com": serverUrl(),
    '"bob"': JSON.stringify(bob.id),
  });
  try {
    await import(/* @vite-ignore */ program);
    expect(said).toContainEqual(["online"]);
    expect(said).toContainEqual(["RESOURCE_NOT_FOUND", false, undefined]);
    expect(said).toContainEqual([true]);
    expect(said).toContainEqual(["failed", "VALIDATION_ERROR", ""]);
    expect(said).toContainEqual(["27 of 27"]);
    expect(said).toContainEqual([`${alice.id}: Hello!`]);
    expect(said.at(-1)).toEqual(["offline"]);
  } finally {
    vi.restoreAllMocks();
    vi.unstubAllGlobals();
  }
});
