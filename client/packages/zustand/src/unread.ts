// What is unread. Where an event does not tell how much, the conversation is asked for.

import type { Message } from "@chatserver/client";

import type { Draft } from "./draft.js";
import type { StoredConversation, Unread } from "./state.js";

/** Where the server stops to count. */
const MOST = 1_000;

/** What a count that the server told is made of: a mark shows as one, where nothing is unread. */
export function understood(count: number): Unread {
  if (count === 0) return { count: 0, marked: false };
  return { count: count === 1 ? null : count, marked: null };
}

/** The conversation is to be asked for. */
export function doubt(draft: Draft, conversationId: string): void {
  if (!draft.state.stale[conversationId]) draft.map("stale")[conversationId] = true;
}

/** Something was told without a seq, so an answer that is on its way cannot show whether it has it. */
export function outdate(draft: Draft, conversationId: string): void {
  if (draft.state.asking[conversationId]) doubt(draft, conversationId);
}

export function setUnread(draft: Draft, conversationId: string, unread: Unread): void {
  const conversation = draft.state.conversations[conversationId];
  if (!conversation) return;
  draft.map("unread")[conversationId] = unread;
  const count = unread.count ?? conversation.unread_count;
  const shown = Math.min(MOST, Math.max(count, unread.marked ? 1 : 0));
  if (shown !== conversation.unread_count) {
    draft.map("conversations")[conversationId] = { ...conversation, unread_count: shown };
  }
}

function of(draft: Draft, { id, unread_count: count }: StoredConversation): Unread {
  return draft.state.unread[id] ?? understood(count);
}

/** A message of somebody else was posted. */
export function addUnread(draft: Draft, conversation: StoredConversation): void {
  const { count, marked } = of(draft, conversation);
  if (count === null) doubt(draft, conversation.id);
  setUnread(draft, conversation.id, { count: (count ?? 0) + 1, marked });
}

/** A message is no longer there to be read. */
export function withoutUnread(
  draft: Draft,
  conversation: StoredConversation,
  message: Message | undefined,
): void {
  const { count, marked } = of(draft, conversation);
  if (count === 0) return;
  if (message && (message.sender_id === draft.state.me || message.is_deleted)) return;
  const isRead = conversation.type === "direct" && message?.status === "read";
  if (isRead) return;
  const mine = conversation.participants.find(({ user_id: id }) => id === draft.state.me);
  const isUnread = message !== undefined && mine !== undefined && message.seq > mine.read_seq;
  if (!isUnread || count === null || count >= MOST || (count === 1 && marked === null)) {
    doubt(draft, conversation.id);
  } else {
    setUnread(draft, conversation.id, { count: count - 1, marked });
  }
}

/** The person has read these messages, or more than are named up to a seq; 0: only a mark was taken away. */
export function readUnread(
  draft: Draft,
  conversation: StoredConversation,
  upToSeq: number,
  messageIds: readonly string[],
): void {
  const { count, told } = of(draft, conversation);
  const mine = conversation.participants.find(({ user_id: id }) => id === draft.state.me);
  // It is told a moment after it is done: an answer in between has it already.
  if (mine && upToSeq > 0 && upToSeq <= mine.read_seq && upToSeq !== told) {
    doubt(draft, conversation.id);
    return;
  }
  const all = upToSeq >= conversation.last_seq;
  let left: number | null;
  if (upToSeq === 0) left = count;
  else if (!messageIds.length) left = all ? 0 : null;
  else if (count === null) left = 0;
  // Of those that are not loaded some may be deleted, and were not counted.
  else if (!messageIds.every((id) => draft.state.messagesById[id])) left = null;
  else left = count >= MOST || count < messageIds.length ? null : count - messageIds.length;
  if (left === null) doubt(draft, conversation.id);
  else setUnread(draft, conversation.id, { count: left, marked: false, told: upToSeq });
}

/** The person wants the conversation to be shown as unread. */
export function markUnread(draft: Draft, conversation: StoredConversation): void {
  setUnread(draft, conversation.id, { count: of(draft, conversation).count, marked: true });
}
