// One reducer for each push: what it tells, made of the state before. Nothing here asks, waits or looks at a clock.

import type { Message, Push, PushData } from "@chatserver/client";

import { changeConversation, dropConversation, passBy, putSettings } from "./conversations.js";
import { Draft } from "./draft.js";
import { groupReducers } from "./groupReducers.js";
import {
  baseOf,
  changeMessage,
  drop,
  forgetLast,
  forgetMessage,
  insertId,
  putMessage,
  removeId,
  setBase,
  tombstone,
  withReaction,
} from "./messages.js";
import { receiptReducers } from "./receiptReducers.js";
import type { Domain } from "./state.js";
import { addUnread, doubt, markUnread, outdate, setUnread, withoutUnread } from "./unread.js";

/** What a push does to a state in the making. */
export type Reducers = { [E in Push["event"]]?: (draft: Draft, data: PushData<E>) => void };

/** How far the clocks of the server and its database may be apart, in ms. */
const SKEW = 1_000;

const own: Reducers = {
  "chat:message_received"(draft, { conversationId, ...message }) {
    const { state } = draft;
    const known = state.conversations[conversationId];
    if (message.sender_id === state.me && message.client_message_id !== null) {
      forgetPending(draft, conversationId, message.client_message_id);
    }
    stopTyping(draft, conversationId, message.sender_id);
    // A message brings a hidden conversation back.
    if (message.seq > (state.hidden[conversationId] ?? Infinity))
      drop(draft.map("hidden"), conversationId);
    if (!known) {
      // It was hidden, or belongs to a page that is still to come.
      passBy(draft, conversationId, message.seq);
      doubt(draft, conversationId);
      return;
    }
    const isNew = message.seq > known.last_seq;
    if (!isNew && !baseOf(state, message.id) && !isOpen(draft, conversationId)) return;
    putMessage(draft, message);
    if (isOpen(draft, conversationId)) insertId(draft, message);
    if (!isNew) return;
    changeConversation(draft, conversationId, message.seq, () => ({
      last_message_id: message.id,
      last_message_at: message.created_at,
    }));
    forgetLast(draft, conversationId, known.last_message_id);
    draft.reorder();
    const changed = draft.state.conversations[conversationId];
    if (!changed || message.sender_id === state.me || message.is_deleted) return;
    addUnread(draft, changed);
    // A read state that came just before may have counted it already.
    if (Date.parse(message.created_at) < state.countedAt + SKEW) doubt(draft, conversationId);
  },

  "chat:message_edited"(draft, { conversationId, seq, message }) {
    if (baseOf(draft.state, message.id)) putMessage(draft, message);
    changeConversation(draft, conversationId, seq, () => ({}));
  },

  "chat:message_deleted"(draft, data) {
    const { conversationId, messageId } = data;
    const conversation = draft.state.conversations[conversationId];
    const message = baseOf(draft.state, messageId);
    const isNew = conversation && (!data.deleteForEveryone || data.seq > conversation.last_seq);
    if (isNew) withoutUnread(draft, conversation, message);
    if (data.deleteForEveryone) {
      changeMessage(draft, messageId, data.seq, tombstone);
      changeConversation(draft, conversationId, data.seq, () => ({}));
    } else {
      outdate(draft, conversationId);
      forgetMessage(draft, conversationId, messageId);
    }
  },

  "chat:reaction_added"(draft, { conversationId, seq, messageId, reaction }) {
    const { user_id: id, username: name } = reaction;
    changeMessage(draft, messageId, seq, (message) =>
      withReaction(message, { id, name }, reaction.reaction),
    );
    changeConversation(draft, conversationId, seq, () => ({}));
  },

  "chat:reaction_removed"(draft, { conversationId, seq, messageId, userId: id }) {
    changeMessage(draft, messageId, seq, (message) =>
      withReaction(message, { id, name: "" }, null),
    );
    changeConversation(draft, conversationId, seq, () => ({}));
  },

  "chat:file_updated"(draft, { conversationId, seq, messageId, file }) {
    // Where its message was erased there is none.
    changeMessage(draft, messageId, seq, ({ files }) => ({
      files: files.map((one) => (one.id === file?.id ? file : one)),
    }));
    changeConversation(draft, conversationId, seq, () => ({}));
  },

  "chat:message_pinned"(draft, { conversationId, seq, messageId }) {
    changeMessage(draft, messageId, seq, () => ({ is_pinned: true }));
    changeConversation(draft, conversationId, seq, () => ({}));
  },

  "chat:message_unpinned"(draft, { conversationId, seq, messageId }) {
    changeMessage(draft, messageId, seq, () => ({ is_pinned: false }));
    changeConversation(draft, conversationId, seq, () => ({}));
  },

  "chat:conversation_created"(draft, { conversationId }) {
    if (!draft.state.conversations[conversationId]) doubt(draft, conversationId);
  },

  "chat:conversation_blocked"(draft, { conversationId, seq, blocked, blockedBy }) {
    changeConversation(draft, conversationId, seq, (known) => {
      const byMe = blocked && blockedBy === draft.state.me;
      // Of two who block, the event names one.
      if (blocked && !byMe && known.blocked_by_me) doubt(draft, conversationId);
      return { is_blocked: blocked, blocked_by_me: byMe };
    });
  },

  "chat:conversation_deleted"(draft, { conversationId, upToSeq }) {
    const { state } = draft;
    const known = state.conversations[conversationId];
    const last = state.messagesById[known?.last_message_id ?? ""];
    if (last && last.seq > upToSeq) {
      // Something was said since: the conversation stays, without what came before.
      for (const id of state.messageIdsByConversation[conversationId] ?? []) {
        const message = state.messagesById[id];
        if (message && message.seq <= upToSeq) {
          removeId(draft, conversationId, id);
          drop(draft.map("messagesById"), id);
        }
      }
      const window = state.windows[conversationId];
      if (window)
        draft.map("windows")[conversationId] = { ...window, atStart: true, nextBeforeSeq: null };
      setUnread(draft, conversationId, { count: null, marked: false });
      doubt(draft, conversationId);
      return;
    }
    outdate(draft, conversationId);
    draft.map("hidden")[conversationId] = upToSeq;
    if (known) dropConversation(draft, conversationId);
  },

  "chat:conversation_marked_unread"(draft, { conversationId }) {
    const known = draft.state.conversations[conversationId];
    if (known) markUnread(draft, known);
    outdate(draft, conversationId);
  },

  "chat:conversation_settings_updated"(draft, { conversationId, settings }) {
    outdate(draft, conversationId);
    putSettings(draft, conversationId, settings);
    // One that was archived while the list was loaded may be in neither of its halves.
    if (!draft.state.conversations[conversationId]) doubt(draft, conversationId);
  },

  "chat:user_typing"(draft, { conversationId, userId, username, isTyping }) {
    if (userId === draft.state.me) return;
    if (!isTyping) {
      stopTyping(draft, conversationId, userId);
      return;
    }
    const typing = draft.state.typingByConversation[conversationId] ?? [];
    if (typing.some((typist) => typist.userId === userId)) return;
    draft.map("typingByConversation")[conversationId] = [...typing, { userId, username }];
  },

  "user:status_changed"(draft, { userId, status }) {
    const isOnline = draft.state.presenceByUser[userId] === "online";
    if (status === "online" && !isOnline) draft.map("presenceByUser")[userId] = "online";
    if (status === "offline" && isOnline) drop(draft.map("presenceByUser"), userId);
  },

  "user:blocked"(draft, { userId }) {
    if (draft.state.presenceByUser[userId]) drop(draft.map("presenceByUser"), userId);
  },
};

const all: Reducers = { ...own, ...groupReducers, ...receiptReducers };

/** The state after these pushes: the same object, where they tell nothing new. */
export function reduce(state: Domain, pushes: readonly Push[]): Domain {
  const draft = new Draft(state);
  for (const { event, data } of pushes) {
    const reducer = all[event] as ((draft: Draft, data: unknown) => void) | undefined;
    reducer?.(draft, data);
  }
  return draft.done();
}

/** Whether new messages are shown in what is loaded of a conversation, or may have to be. */
function isOpen({ state }: Draft, conversationId: string): boolean {
  const window = state.windows[conversationId];
  return (
    window !== undefined &&
    (window.atEnd || (window.loading !== null && window.loading !== "older"))
  );
}

export function stopTyping(draft: Draft, conversationId: string, userId: string): void {
  const typing = draft.state.typingByConversation[conversationId];
  const left = typing?.filter((typist) => typist.userId !== userId);
  if (!typing || !left || left.length === typing.length) return;
  if (left.length) draft.map("typingByConversation")[conversationId] = left;
  else drop(draft.map("typingByConversation"), conversationId);
}

/** A message that was on its way has arrived. */
export function forgetPending(draft: Draft, conversationId: string, clientMessageId: string): void {
  const { state } = draft;
  if (!state.messagesById[clientMessageId]?.pending) return;
  removeId(draft, conversationId, clientMessageId);
  drop(draft.map("messagesById"), clientMessageId);
  state.optimisticMessageIds = state.optimisticMessageIds.filter((id) => id !== clientMessageId);
}

/** The server has a message that was on its way: its ack is here, and its push perhaps not yet. */
export function confirmSent(state: Domain, clientMessageId: string, message: Message): Domain {
  const draft = new Draft(state);
  const { conversation_id: conversationId } = message;
  forgetPending(draft, conversationId, clientMessageId);
  if (isOpen(draft, conversationId)) {
    putMessage(draft, message);
    insertId(draft, message);
  } else if (baseOf(state, message.id)) {
    setBase(draft, message);
  }
  return draft.done();
}
