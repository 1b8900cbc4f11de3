import { expect, onTestFinished, test, vi } from "vitest";

import type { Chat } from "@chatserver/client";
import { createSearch, isSearchable, type Search, type SearchState } from "@chatserver/zustand";

import { connected, direct } from "../../../testing/chats.js";
import { people } from "../../../testing/people.js";

function searchOf(chat: Chat): Search {
  const search = createSearch(chat, { pause: 0 });
  onTestFinished(() => search.destroy());
  return search;
}

const marked = ({ results }: SearchState) =>
  results.map(({ message, ranges }) =>
    ranges.map(([from, to]) => message.content?.slice(from, to)).join(),
  );

async function finds(search: Search, query: string, count: number): Promise<SearchState> {
  search.getState().actions.look(query);
  return vi.waitFor(
    () => {
      const state = search.getState();
      if (state.isLoading || state.results.length !== count)
        throw new Error(`${state.results.length} found`);
      return state;
    },
    { timeout: 20_000 },
  );
}

test("A search finds what was said by any part of it, page by page, and what is erased leaves it.", async () => {
  const [alice, bob] = people(2);
  const a = await connected(alice);
  const b = await connected(bob);
  const conversationId = await direct(a, bob);
  const send = (content: string) => a.send({ conversationId, content }).sent;
  const first = await send("The Fjördpony is 🐎 fjördlich");
  for (let number = 0; number < 25; number += 1) await send(`pony number ${number}`);
  const search = searchOf(b);
  expect(marked(await finds(search, "fjörd", 1))).toEqual(["Fjörd,fjörd"]);
  const page = await finds(search, "pony", 20);
  expect(page.isComplete).toBe(false);
  await page.actions.more();
  expect(search.getState()).toMatchObject({ isComplete: true, isLoading: false, error: null });
  expect(search.getState().results).toHaveLength(26);
  await a.ask("chat:message_delete", { messageId: first.id, deleteForEveryone: true });
  await vi.waitFor(() => expect(search.getState().results).toHaveLength(25), 20_000);
});

test("What is looked for last counts, and a text that is too short is not looked for.", async () => {
  const [alice, bob] = people(2);
  const a = await connected(alice);
  const conversationId = await direct(a, bob);
  await a.send({ conversationId, content: "one two three" }).sent;
  const search = searchOf(a);
  const { look } = search.getState().actions;
  look("one");
  look("nowhere");
  expect(marked(await finds(search, "two", 1))).toEqual(["two"]);
  look("t");
  expect(search.getState()).toMatchObject({ results: [], isLoading: false, isComplete: true });
  expect(["t", " t ", "to", "字", "あ", "x".repeat(101)].map(isSearchable)).toEqual([
    false,
    false,
    true,
    true,
    true,
    false,
  ]);
});
