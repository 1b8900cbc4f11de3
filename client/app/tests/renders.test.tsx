// @vitest-environment happy-dom
import { act, Profiler } from "react";
import { createRoot } from "react-dom/client";
import { expect, onTestFinished, test } from "vitest";

import { createChat, type Push } from "@chatserver/client";
import { createChatStore, reduce } from "@chatserver/zustand";
import { ChatProvider } from "@chatserver/zustand/react";

import { conversation, ME, message, TIME } from "../../testing/fixtures.js";
import { MessageRow } from "../src/chat/MessageRow.js";

(globalThis as { IS_REACT_ACT_ENVIRONMENT?: boolean }).IS_REACT_ACT_ENVIRONMENT = true;

const nothing = () => undefined;

/** Alice's own second message of a direct conversation of three, which Bob has neither received nor read. */
function filled() {
  // Nobody listens on this port.
  const store = createChatStore(createChat({ url: "http://127.0.0.1:9", token: () => "token" }));
  const participant = {
    avatar_url: null,
    role: "member" as const,
    joined_at: TIME,
    delivered_seq: 0,
    read_seq: 0,
  };
  const { last_message: _, ...rest } = conversation("c1");
  const people = [
    { ...participant, user_id: ME, username: "alice", display_name: "Alice" },
    { ...participant, user_id: "bob", username: "bob", display_name: "Bob" },
  ];
  const messages = [1, 2, 3].map((seq) => ({
    ...message("c1", seq),
    sender_id: seq === 2 ? ME : "bob",
  }));
  let state = store.getState();
  state = {
    ...state,
    me: ME,
    conversations: { c1: { ...rest, last_message_id: "c1-3", participants: people } },
  };
  state = { ...state, conversationOrder: ["c1"] };
  state = { ...state, messagesById: Object.fromEntries(messages.map((one) => [one.id, one])) };
  store.setState(state);
  return store;
}

test("A message's row renders again for what it shows, and for no other change of its conversation.", () => {
  const store = filled();
  const renders = new Map<string, number>();
  const root = createRoot(document.createElement("div"));
  onTestFinished(() => act(() => root.unmount()));
  act(() =>
    root.render(
      <ChatProvider store={store}>
        {["c1-1", "c1-2", "c1-3"].map((id, index) => (
          <Profiler
            key={id}
            id={id}
            onRender={(name) => renders.set(name, (renders.get(name) ?? 0) + 1)}
          >
            <MessageRow
              id={id}
              conversationId="c1"
              position={index + 1}
              count={3}
              isFirst
              isLast
              isEntrance={false}
              isLit={false}
              onFocus={nothing}
              onJump={() => Promise.resolve()}
            />
          </Profiler>
        ))}
      </ChatProvider>,
    ),
  );
  expect([...renders]).toEqual(["c1-1", "c1-2", "c1-3"].map((id) => [id, 1]));

  const rendered = (...pushes: Push[]): [string, number][] => {
    renders.clear();
    act(() => store.setState(reduce(store.getState(), pushes)));
    return [...renders];
  };
  // One's own message was read, and its ticks say so; the others show nothing of it.
  expect(
    rendered({
      event: "chat:message_status_updated",
      data: {
        conversationId: "c1",
        userId: "bob",
        status: "read",
        messageId: "c1-2",
        messageIds: ["c1-2"],
        upToSeq: 3,
        readBy: "bob",
        timestamp: TIME,
      },
    }),
  ).toEqual([["c1-2", 1]]);
  // A description, a message and a draft change the conversation, and nothing that a row of it shows.
  renders.clear();
  act(() => {
    const { conversations } = store.getState();
    const c1 = { ...conversations.c1!, description: "Another", unread_count: 7, last_seq: 9 };
    store.setState({ conversations: { c1 } });
    store.getState().actions.setDraft("c1", "H");
    store.getState().actions.setReplyTo("c1", "c1-1");
  });
  expect([...renders]).toEqual([]);
  // A name is shown by those who have it.
  act(() => {
    const c1 = store.getState().conversations.c1!;
    const participants = c1.participants.map((one) => ({
      ...one,
      display_name: `${one.display_name}!`,
    }));
    store.setState({ conversations: { c1: { ...c1, participants } } });
  });
  expect([...renders]).toEqual(["c1-1", "c1-2", "c1-3"].map((id) => [id, 1]));
});
