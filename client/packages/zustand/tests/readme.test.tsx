// @vitest-environment happy-dom
import "fake-indexeddb/auto";

import { join } from "node:path";

import { createElement, type ComponentType } from "react";
import { createRoot } from "react-dom/client";
import { expect, onTestFinished, test, vi } from "vitest";

import type { ChatStore } from "@chatserver/zustand";

import { connected, direct, recorded, soon, until } from "../../../testing/chats.js";
import { people, serverUrl } from "../../../testing/people.js";
import { exampleOf, programOf } from "../../../testing/readme.js";

interface Program {
  App: ComponentType;
  store: ChatStore;
}

const folder = join(import.meta.dirname, "..");
const PROGRAMS = [
  ["README", () => programOf(folder, "tsx", { "https://chat.example.com": serverUrl() })],
  [
    "example",
    () =>
      exampleOf(folder, "chat.tsx", {
        "http://localhost:3001": serverUrl(),
        '(await (await fetch("/chat-token", { method: "POST" })).json()).token': "fetchToken()",
      }),
  ],
] as const;

test.each(PROGRAMS)(
  "The %s's chat shows what is said, and says what is typed.",
  async (_, made) => {
    const [alice, bob] = people(2);
    const b = await connected(bob);
    const heard = recorded(b);
    const conversationId = await direct(b, alice);
    await soon(b.send({ conversationId, content: "Hello, Alice!" }).sent, "the ack");
    vi.stubGlobal("fetchToken", () => Promise.resolve(alice.token));
    const { App, store } = (await import(/* @vite-ignore */ made())) as Program;
    const place = document.createElement("div");
    const root = createRoot(place);
    onTestFinished(() => {
      root.unmount();
      store.chat.close();
      vi.unstubAllGlobals();
    });
    root.render(createElement(App));
    const shows = (text: string) =>
      vi.waitFor(
        () => {
          expect(place.textContent).toContain(text);
        },
        { timeout: 20_000 },
      );
    await shows("Hello, Alice!");
    store.getState().actions.setDraft(conversationId, "Hello, Bob!");
    const input = () => place.querySelector("input")?.value;
    await vi.waitFor(() => expect(input()).toBe("Hello, Bob!"), { timeout: 20_000 });
    const form = place.querySelector("form");
    form?.dispatchEvent(new Event("submit", { bubbles: true, cancelable: true }));
    await until(b, "push", () => heard.texts().includes("Hello, Bob!"), "the answer");
    await shows("Hello, Bob!");
    expect(input()).toBe("");
  },
);
