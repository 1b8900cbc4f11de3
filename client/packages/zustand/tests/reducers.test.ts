import { expect, test } from "vitest";

import type { Message, Push } from "@chatserver/client";
import { emptyDomain, reduce, type Domain } from "@chatserver/zustand";

import { conversation, ME, message } from "../../../testing/fixtures.js";
import { beginAsking, takeConversation, takeListed } from "../src/lists.js";
import { beginPage, takePage } from "../src/windows.js";

function page(messages: Message[], nextBeforeSeq: number | null = null) {
  const pagination = { limit: 50, offset: 0, hasMore: nextBeforeSeq !== null, nextBeforeSeq };
  return { messages, total: messages.length, pagination };
}

/** A state with the conversation "c", whose three messages are loaded. */
function loaded(): Domain {
  const list = { conversations: [conversation("c")], first: true, last: true };
  const listed = takeListed({ ...emptyDomain, me: ME }, list);
  const asked = beginPage(listed, "c", "newest", null);
  const messages = [1, 2, 3].map((seq) => message("c", seq));
  return takePage(asked, "c", 1, "newest", { older: page(messages) });
}

function posted(seq: number, changes: Partial<Message> = {}): Push {
  const data = { ...message("c", seq), created_at: "2027-01-01T00:00:00.000Z", ...changes };
  return { event: "chat:message_received", data: { ...data, conversationId: "c" } };
}

const about = (seq: number) => ({ conversationId: "c", seq, messageId: "c-2" });
const shown = (state: Domain) => state.messagesById["c-2"];

test("A page that was asked for before a push does not undo it.", () => {
  const pinned = reduce(loaded(), [
    { event: "chat:message_pinned", data: { ...about(4), by: ME } },
  ]);
  expect(shown(pinned)?.is_pinned).toBe(true);
  const older = beginPage(pinned, "c", "older", null);
  const state = takePage(older, "c", 1, "older", { older: page([message("c", 2)]) });
  expect(shown(state)?.is_pinned).toBe(true);
  expect(state.messageIdsByConversation.c).toEqual(["c-1", "c-2", "c-3"]);
});

test("A page that was asked for before the window began anew is passed over.", () => {
  const state = beginPage(loaded(), "c", "newest", null);
  expect(takePage(state, "c", 1, "older", { older: page([message("c", 1)]) })).toBe(state);
});

test("A push that came already changes nothing: the state is the same object.", () => {
  const pushes: Push[] = [
    posted(4),
    { event: "chat:message_unpinned", data: { ...about(3), by: ME } },
    { event: "chat:message_pinned", data: { ...about(5), by: ME } },
    {
      event: "chat:reaction_added",
      data: { ...about(6), reaction: { user_id: "bob", username: "bob", reaction: "👍" } },
    },
    {
      event: "chat:message_deleted",
      data: { ...about(7), deleteForEveryone: true, deletedBy: "bob" },
    },
  ];
  const state = reduce(loaded(), pushes);
  expect(shown(state)).toMatchObject({ is_deleted: true, is_pinned: false, content: null });
  expect(state.conversations.c?.last_seq).toBe(7);
  expect(reduce(state, pushes)).toBe(state);
});

test("An answer that is older than what was pushed meanwhile is asked for again.", () => {
  // Nothing is known of the conversation yet, so nobody can tell what becomes of its members.
  const user = { user_id: "bob", username: "bob" };
  const left: Push = {
    event: "group:member_left",
    data: { conversationId: "c", seq: 4, user, by: "bob" },
  };
  const unknown = reduce({ ...emptyDomain, me: ME }, [left]);
  const answered = takeConversation(unknown, conversation("c"));
  expect(answered.stale).toEqual({ c: true });
  const again = takeConversation(answered, { ...conversation("c"), last_seq: 4 });
  expect(again.stale).toEqual({});
  // It is known, and a push has gone further.
  const further = reduce(again, [posted(5)]);
  expect(takeConversation(further, conversation("c")).stale).toEqual({ c: true });
});

test("An answer that may lack what has no seq is asked for again, and so is one to whom the end came.", () => {
  const asking = beginAsking(loaded(), "c");
  const marked: Push = {
    event: "chat:conversation_marked_unread",
    data: { conversationId: "c", upToSeq: 3, personalSeq: 1 },
  };
  expect(reduce(asking, [marked]).stale).toEqual({ c: true });
  const user = { user_id: ME, username: ME };
  const removed: Push = {
    event: "group:member_removed",
    data: { conversationId: "c", seq: 4, user, by: "bob" },
  };
  const gone = reduce(asking, [removed]);
  expect(gone.conversations).toEqual({});
  expect(gone.stale).toEqual({ c: true });
});

test("A message that was erased before it came is not unread.", () => {
  const erased = { is_deleted: true, content: null };
  const state = reduce(loaded(), [posted(4), posted(5, erased), posted(6, { sender_id: ME })]);
  expect(state.conversations.c?.unread_count).toBe(1);
  const deleted: Push = {
    event: "chat:message_deleted",
    data: { conversationId: "c", seq: 7, messageId: "c-5", deleteForEveryone: true, deletedBy: ME },
  };
  expect(reduce(state, [deleted]).conversations.c?.unread_count).toBe(1);
});

test("A status goes one way, and stands for what came before.", () => {
  const mine = [1, 2, 3].map((seq) => ({ ...message("c", seq), sender_id: ME }));
  const state = takePage(beginPage(loaded(), "c", "newest", null), "c", 2, "newest", {
    older: page(mine.map((one) => ({ ...one, updated_seq: one.seq + 10 }))),
  });
  const told = (status: "delivered" | "read", upToSeq: number, messageIds: string[]): Push => ({
    event: "chat:message_status_updated",
    data: {
      conversationId: "c",
      upToSeq,
      messageIds,
      status,
      userId: "bob",
      timestamp: "2027-01-01T00:00:00.000Z",
    },
  });
  const statuses = (next: Domain) =>
    ["c-1", "c-2", "c-3"].map((id) => next.messagesById[id]?.status);
  const read = reduce(state, [told("read", 2, ["c-2"])]);
  expect(statuses(read)).toEqual(["delivered", "read", "sent"]);
  expect(statuses(reduce(read, [told("delivered", 3, ["c-3"])]))).toEqual([
    "delivered",
    "read",
    "delivered",
  ]);
  // More than can be named.
  expect(statuses(reduce(read, [told("read", 3, [])]))).toEqual(["read", "read", "read"]);
});

test("Who leaves is no participant any more, and whoever has spoken has stopped typing.", () => {
  const people = ["alice", "bob"].map((id) => ({
    user_id: id,
    username: id,
    display_name: id,
    avatar_url: null,
    role: "member" as const,
    joined_at: "2026-01-01T00:00:00.000Z",
    delivered_seq: 0,
    read_seq: 0,
  }));
  const group = { ...conversation("c"), type: "group" as const, participants: people };
  const state = takeConversation(loaded(), group);
  const user = { user_id: "bob", username: "bob" };
  const typing: Push = {
    event: "chat:user_typing",
    data: {
      conversationId: "c",
      userId: "bob",
      username: "bob",
      isTyping: true,
      timestamp: "2027-01-01T00:00:00.000Z",
    },
  };
  const typed = reduce(state, [typing]);
  expect(typed.typingByConversation.c).toEqual([{ userId: "bob", username: "bob" }]);
  const said = reduce(typed, [posted(4)]);
  expect(said.typingByConversation).toEqual({});
  const left: Push = {
    event: "group:member_left",
    data: { conversationId: "c", seq: 5, user, by: "bob" },
  };
  expect(reduce(said, [left]).conversations.c).toMatchObject({
    member_count: 1,
    participants: [{ user_id: "alice" }],
  });
});

test("What was read is counted once, also where an answer had it before it was told.", () => {
  const me = {
    user_id: ME,
    username: ME,
    display_name: ME,
    avatar_url: null,
    role: "member" as const,
    joined_at: "2026-01-01T00:00:00.000Z",
    delivered_seq: 0,
    read_seq: 0,
  };
  const unread = { ...conversation("c"), unread_count: 3, participants: [me] };
  const told = (messageId: string): Push => ({
    event: "chat:message_status_updated",
    data: {
      conversationId: "c",
      upToSeq: 2,
      messageIds: [messageId],
      status: "read",
      userId: ME,
      timestamp: "2027-01-01T00:00:00.000Z",
    },
  });
  // Of two that were read together each is told by itself.
  const state = reduce(takeConversation(loaded(), unread), [told("c-1"), told("c-2")]);
  expect([state.conversations.c?.unread_count, state.stale]).toEqual([1, {}]);
  const answer = { ...unread, unread_count: 1, participants: [{ ...me, read_seq: 2 }] };
  const answered = reduce(takeConversation(loaded(), answer), [told("c-1"), told("c-2")]);
  expect([answered.conversations.c?.unread_count, answered.stale]).toEqual([1, { c: true }]);
});
