// What was received and read.

import type { Message } from "@chatserver/client";

import type { Draft } from "./draft.js";
import { baseOf, raiseStatus } from "./messages.js";
import type { Reducers } from "./reducers.js";
import type { StoredConversation } from "./state.js";
import { outdate, readUnread, setUnread, understood } from "./unread.js";

export const receiptReducers: Reducers = {
  "chat:message_status_updated"(draft, { conversationId, upToSeq, messageIds, status, userId }) {
    if (userId === draft.state.me && status === "read") outdate(draft, conversationId);
    const conversation = draft.state.conversations[conversationId];
    if (!conversation) return;
    // Before it counts as reached: it may have been reached before.
    if (status === "read" && userId === draft.state.me) {
      readUnread(draft, conversation, upToSeq, messageIds);
    }
    if (upToSeq > 0) {
      const now = draft.state.conversations[conversationId] ?? conversation;
      reach(draft, now, userId, upToSeq, status === "read" ? upToSeq : 0);
      if (conversation.type === "direct") {
        // More than can be named: all of them.
        const all = !messageIds.length && status === "read";
        for (const message of received(draft, conversation, userId, upToSeq, all)) {
          raiseStatus(draft, message.id, all ? "read" : "delivered");
        }
        for (const id of messageIds) raiseStatus(draft, id, status);
      }
    }
  },

  "chat:read_state"(draft, { conversationId, unreadCount, participants }) {
    outdate(draft, conversationId);
    const conversation = draft.state.conversations[conversationId];
    if (!conversation) return;
    for (const { userId, deliveredSeq, readSeq, readRanges } of participants) {
      const now = draft.state.conversations[conversationId];
      if (now) reach(draft, now, userId, deliveredSeq, readSeq);
      if (conversation.type !== "direct") continue;
      for (const message of received(draft, conversation, userId, deliveredSeq, true)) {
        const isRead = readRanges.some(
          ([first, last]) => first <= message.seq && message.seq <= last,
        );
        raiseStatus(draft, message.id, isRead ? "read" : "delivered");
      }
    }
    setUnread(draft, conversationId, understood(unreadCount));
    const now = draft.state.conversations[conversationId];
    // A count of one may be a mark: it is shown all the same.
    if (now && now.unread_count !== unreadCount) {
      draft.map("conversations")[conversationId] = { ...now, unread_count: unreadCount };
    }
  },
};

/** Somebody has received, and read, up to these seqs. */
function reach(
  draft: Draft,
  conversation: StoredConversation,
  userId: string,
  delivered: number,
  read: number,
): void {
  const known = conversation.participants.find(({ user_id: id }) => id === userId);
  if (!known || (known.delivered_seq >= delivered && known.read_seq >= read)) return;
  const participants = conversation.participants.map((participant) =>
    participant === known
      ? {
          ...known,
          delivered_seq: Math.max(known.delivered_seq, delivered),
          read_seq: Math.max(known.read_seq, read),
        }
      : participant,
  );
  draft.map("conversations")[conversation.id] = { ...conversation, participants };
}

/**
 * The messages of a direct conversation up to a seq, those that are known, that this person received: `all`, or those
 * that are not known to be received. Of these the newest ones are enough: what came before was received before.
 */
function received(
  draft: Draft,
  conversation: StoredConversation,
  userId: string,
  upToSeq: number,
  all: boolean,
): Message[] {
  const ids = draft.state.messageIdsByConversation[conversation.id] ?? [];
  const found: Message[] = [];
  const last = baseOf(draft.state, conversation.last_message_id ?? "");
  if (last && last.sender_id !== userId && last.seq <= upToSeq) found.push(last);
  for (let place = ids.length - 1; place >= 0; place -= 1) {
    const message = baseOf(draft.state, ids[place] ?? "");
    if (!message || message.sender_id === userId || message.seq > upToSeq) continue;
    // Nobody is told what becomes of one that was erased.
    if (!all && message.status !== "sent" && !message.is_deleted) break;
    found.push(message);
  }
  return found;
}
