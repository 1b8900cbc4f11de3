// Conversations, and the order in which they are listed.

import type { Conversation, ConversationSettings } from "@chatserver/client";

import type { Draft } from "./draft.js";
import { drop, putMessage } from "./messages.js";
import type { StoredConversation } from "./state.js";
import { doubt, understood } from "./unread.js";

/** Takes a conversation as the server shows it. One that is older than what pushes have told is asked for again. */
export function putConversation(draft: Draft, shown: Conversation): void {
  const { last_message: last, ...rest } = shown;
  const { id } = rest;
  const known = draft.state.conversations[id];
  if (known && known.last_seq > rest.last_seq) {
    doubt(draft, id);
    return;
  }
  if (last) putMessage(draft, last);
  draft.map("conversations")[id] = { ...rest, last_message_id: last?.id ?? null };
  draft.map("unread")[id] = understood(rest.unread_count);
  if (draft.state.stale[id]) drop(draft.map("stale"), id);
  const ahead = draft.state.ahead[id];
  if (ahead !== undefined && ahead > rest.last_seq) doubt(draft, id);
  else if (ahead !== undefined) drop(draft.map("ahead"), id);
  draft.reorder();
}

/** Remembers that a push has come of a conversation that is not known. */
export function passBy(draft: Draft, id: string, seq: number): void {
  if (seq > (draft.state.ahead[id] ?? 0)) draft.map("ahead")[id] = seq;
}

/** Changes what is known of a conversation, by an event with this seq. */
export function changeConversation(
  draft: Draft,
  id: string,
  seq: number,
  change: (conversation: StoredConversation) => Partial<StoredConversation>,
): void {
  const known = draft.state.conversations[id];
  if (!known) passBy(draft, id, seq);
  if (!known || known.last_seq >= seq) return;
  draft.map("conversations")[id] = { ...known, ...change(known), last_seq: seq };
}

/** Takes what the person has set of a conversation: how it is listed, too. */
export function putSettings(
  draft: Draft,
  id: string,
  settings: Partial<ConversationSettings>,
): void {
  const known = draft.state.conversations[id];
  if (!known) return;
  const now = { ...known.my_settings, ...settings };
  draft.map("conversations")[id] = { ...known, my_settings: now };
  draft.reorder();
}

/** Forgets a conversation, and what is loaded of it. What waits in the outbox stays. */
export function dropConversation(draft: Draft, id: string): void {
  dropWindow(draft, id);
  const last = draft.state.conversations[id]?.last_message_id;
  if (last) drop(draft.map("messagesById"), last);
  for (const name of [
    "conversations",
    "unread",
    "stale",
    "ahead",
    "typingByConversation",
  ] as const) {
    if (id in draft.state[name]) drop(draft.map(name), id);
  }
  draft.reorder();
}

/** Forgets what is loaded of a conversation, but for what waits in the outbox, and its last message. */
export function dropWindow(draft: Draft, id: string): void {
  const { state } = draft;
  const ids = state.messageIdsByConversation[id];
  const last = state.conversations[id]?.last_message_id;
  if (ids) {
    const pending = ids.filter((one) => state.messagesById[one]?.pending);
    for (const one of ids) {
      if (one !== last && !state.messagesById[one]?.pending) drop(draft.map("messagesById"), one);
    }
    if (pending.length) draft.map("messageIdsByConversation")[id] = pending;
    else drop(draft.map("messageIdsByConversation"), id);
  }
  if (state.windows[id]) drop(draft.map("windows"), id);
}
