// The outbox, as messages at the end of their conversations.

import type { OutboxEntry } from "@chatserver/client";

import { Draft } from "./draft.js";
import { drop, removeId } from "./messages.js";
import type { Domain, ShownMessage } from "./state.js";

/** Shows what is in the outbox. Messages to people whose conversation is not known are in no list. */
export function takeOutbox(state: Domain, entries: readonly OutboxEntry[]): Domain {
  const draft = new Draft(state);
  const shown = entries.filter(({ draft: { conversationId } }) => conversationId);
  const ids = shown.map(({ clientMessageId }) => clientMessageId);
  const now = new Set(ids);
  for (const id of state.optimisticMessageIds) {
    const message = state.messagesById[id];
    if (now.has(id) || !message) continue;
    removeId(draft, message.conversation_id, id);
    drop(draft.map("messagesById"), id);
  }
  for (const entry of shown) {
    const id = entry.clientMessageId;
    const known = state.messagesById[id];
    if (known?.pending?.state === entry.state) continue;
    const message = pendingMessage(state, entry);
    draft.map("messagesById")[id] = message;
    if (!known) draft.ids(message.conversation_id).push(id);
  }
  const before = state.optimisticMessageIds;
  if (before.length !== ids.length || before.some((id, place) => id !== ids[place])) {
    draft.state.optimisticMessageIds = ids;
  }
  return draft.done();
}

function pendingMessage({ me, messagesById }: Domain, entry: OutboxEntry): ShownMessage {
  const { clientMessageId, draft, order, state, error } = entry;
  return {
    id: clientMessageId,
    conversation_id: draft.conversationId ?? "",
    seq: Number.MAX_SAFE_INTEGER,
    sender_id: entry.userId ?? me ?? "",
    sender_username: messagesById[clientMessageId]?.sender_username ?? entry.userId ?? me ?? "",
    recipient_id: draft.recipientId ?? null,
    content: draft.content ?? null,
    content_encrypted: draft.contentEncrypted ?? null,
    message_type: draft.messageType ?? "text",
    client_message_id: clientMessageId,
    reply_to_message_id: draft.replyToMessageId ?? null,
    mentions: [],
    reactions: [],
    metadata: draft.metadata ?? {},
    is_announcement: false,
    is_pinned: false,
    is_edited: false,
    is_deleted: false,
    created_at: new Date(order).toISOString(),
    edited_at: null,
    updated_seq: 0,
    files: [...(draft.files ?? [])],
    status: "sent",
    pending: { state, ...(error && { error }) },
  };
}
