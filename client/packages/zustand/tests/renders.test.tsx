// @vitest-environment happy-dom
import { act, memo, StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { expect, onTestFinished, test } from "vitest";

import type { Push } from "@chatserver/client";
import { createChat } from "@chatserver/client";
import { createChatStore, reduce, type ChatStore } from "@chatserver/zustand";
import {
  ChatProvider,
  useConversation,
  useConversationIds,
  useIsOnline,
  useMessage,
  useMessageIds,
  useTyping,
} from "@chatserver/zustand/react";

import { conversation, ME, message, TIME } from "../../../testing/fixtures.js";
import { takeListed } from "../src/lists.js";
import { beginPage, takePage } from "../src/windows.js";

(globalThis as { IS_REACT_ACT_ENVIRONMENT?: boolean }).IS_REACT_ACT_ENVIRONMENT = true;

/** A store with two conversations of three messages each, and no server. */
function filled(): ChatStore {
  // Nobody listens on this port.
  const store = createChatStore(createChat({ url: "http://127.0.0.1:9", token: () => "token" }));
  store.setState({ ...store.getState(), me: ME });
  const ids = ["c1", "c2"];
  const page = { conversations: ids.map(conversation), first: true, last: true };
  store.setState(takeListed(store.getState(), page));
  for (const id of ids) {
    store.setState(beginPage(store.getState(), id, "newest", null));
    const older = {
      messages: [1, 2, 3].map((seq) => message(id, seq)),
      total: 3,
      pagination: { limit: 50, offset: 0, hasMore: false, nextBeforeSeq: null },
    };
    const generation = store.getState().windows[id]!.generation;
    store.setState(takePage(store.getState(), id, generation, "newest", { older }));
  }
  return store;
}

test("A component renders again where what it shows has changed, and nowhere else.", () => {
  const store = filled();
  const renders = new Map<string, number>();
  const count = (name: string) => renders.set(name, (renders.get(name) ?? 0) + 1);

  const Row = memo(function Row({ id }: { id: string }) {
    count(`row ${id}`);
    return <li>{useMessage(id)?.content}</li>;
  });
  const Messages = memo(function Messages({ id }: { id: string }) {
    count(`messages ${id}`);
    return useMessageIds(id).map((one) => <Row key={one} id={one} />);
  });
  const Item = memo(function Item({ id }: { id: string }) {
    count(`item ${id}`);
    return <b>{useConversation(id)?.unread_count}</b>;
  });
  const Typing = memo(function Typing({ id }: { id: string }) {
    count(`typing ${id}`);
    return <i>{useTyping(id).length}</i>;
  });
  const Presence = memo(function Presence() {
    count("presence");
    return <i>{String(useIsOnline("bob"))}</i>;
  });
  function List() {
    count("list");
    return useConversationIds().map((id) => (
      <div key={id}>
        <Item id={id} />
        <Messages id={id} />
        <Typing id={id} />
      </div>
    ));
  }
  const root = createRoot(document.createElement("div"));
  onTestFinished(() => act(() => root.unmount()));
  act(() =>
    root.render(
      <ChatProvider store={store}>
        <List />
        <Presence />
      </ChatProvider>,
    ),
  );

  /** What rendered again for these pushes. */
  const rendered = (...pushes: Push[]): string[] => {
    renders.clear();
    act(() => {
      const state = store.getState();
      const next = reduce(state, pushes);
      if (next !== state) store.setState(next);
    });
    return [...renders].map(([name, times]) => `${name} × ${times}`).sort();
  };
  const about = { conversationId: "c1", messageId: "c1-2" };

  expect(
    rendered({
      event: "chat:reaction_added",
      data: { ...about, seq: 4, reaction: { user_id: "bob", username: "bob", reaction: "👍" } },
    }),
  ).toEqual(["item c1 × 1", "row c1-2 × 1"]);
  // The same again tells nothing new.
  expect(
    rendered({
      event: "chat:reaction_added",
      data: { ...about, seq: 4, reaction: { user_id: "bob", username: "bob", reaction: "👍" } },
    }),
  ).toEqual([]);
  const typing = { conversationId: "c2", userId: "bob", username: "bob", timestamp: TIME };
  expect(
    rendered(
      { event: "chat:user_typing", data: { ...typing, isTyping: true } },
      { event: "chat:user_typing", data: { ...typing, isTyping: true } },
    ),
  ).toEqual(["typing c2 × 1"]);
  expect(
    rendered({
      event: "user:status_changed",
      data: { userId: "carol", status: "online", timestamp: TIME },
    }),
  ).toEqual([]);
  // A replay is rendered once, however long it is.
  const missed = [5, 6, 7, 8].map((seq): Push => {
    const data = {
      ...message("c1", seq),
      conversationId: "c1",
      created_at: "2026-01-02T00:00:00.000Z",
    };
    return { event: "chat:message_received", data };
  });
  expect(rendered(...missed)).toEqual([
    "item c1 × 1",
    // It is the most recently active one now.
    "list × 1",
    "messages c1 × 1",
    "row c1-5 × 1",
    "row c1-6 × 1",
    "row c1-7 × 1",
    "row c1-8 × 1",
  ]);
});

test("Under StrictMode a chat is opened once, and closed when it is shown no more.", () => {
  const store = filled();
  const opened: string[] = [];
  store.chat.on("status", (status) => opened.push(status));
  const root = createRoot(document.createElement("div"));
  act(() => root.render(<StrictMode>{<ChatProvider store={store} />}</StrictMode>));
  expect(opened).toEqual(["connecting"]);
  act(() => root.unmount());
  store.chat.close();
  store.destroy();
  expect(opened.at(-1)).toBe("offline");
});
