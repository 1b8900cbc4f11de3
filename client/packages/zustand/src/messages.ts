// Messages, and which of them are shown.

import type { Message } from "@chatserver/client";

import type { Draft } from "./draft.js";
import type { Change, Domain, ShownMessage } from "./state.js";
import { doubt } from "./unread.js";

const STATUSES = ["sent", "delivered", "read"] as const;
/** So many messages that were deleted for oneself are remembered. */
const MOST_DELETED = 1_000;

/** A message as the server has it, without what is on its way. */
export function baseOf(state: Domain, id: string): Message | undefined {
  return state.changing[id]?.base ?? state.messagesById[id];
}

function further(one: Message["status"], other: Message["status"]): Message["status"] {
  return STATUSES.indexOf(one) < STATUSES.indexOf(other) ? other : one;
}

/** Takes a message as it was shown: by a page, an ack or a push. An older showing than ours is passed over. */
export function putMessage(draft: Draft, message: Message): void {
  const known = baseOf(draft.state, message.id);
  if (known) {
    if (known.updated_seq > message.updated_seq) return;
    const status = further(known.status, message.status);
    if (known.updated_seq === message.updated_seq && status === known.status) return;
    setBase(draft, { ...message, status });
  } else {
    setBase(draft, message);
  }
}

/**
 * Changes a message that is known, as an event with this seq tells; not where it is in it already.
 *
 * One that was kept may lack what came before the event: it is no newer for it, so that what is loaded takes its place.
 */
export function changeMessage(
  draft: Draft,
  id: string,
  seq: number,
  change: (message: Message) => Partial<Message>,
): void {
  const known = baseOf(draft.state, id);
  if (!known || known.updated_seq >= seq) return;
  const { conversation_id: conversationId, updated_seq: before } = known;
  const window = draft.state.windows[conversationId];
  const isKept = window?.kept?.some((one) => one.id === id && one.updated_seq === before) === true;
  setBase(draft, { ...known, ...change(known), updated_seq: isKept ? before : seq });
  if (isKept && window.loading === "newest") {
    const late = [...(window.late ?? []), { id, seq, change }];
    draft.map("windows")[conversationId] = { ...window, late };
  }
}

/** A message has come as far as `status` at least. */
export function raiseStatus(draft: Draft, id: string, status: Message["status"]): void {
  const known = baseOf(draft.state, id);
  if (known && further(known.status, status) !== known.status) setBase(draft, { ...known, status });
}

/** What is left of a message that was erased for everyone. */
export function tombstone(message: Message): Message {
  return {
    ...message,
    content: null,
    content_encrypted: null,
    mentions: [],
    reactions: [],
    metadata: {},
    files: [],
    is_pinned: false,
    is_deleted: true,
  };
}

/** Somebody's one reaction, or none. */
export function withReaction(
  message: Message,
  who: { id: string; name: string },
  reaction: string | null,
): Message {
  const others = message.reactions.filter(({ user_id: id }) => id !== who.id);
  const own = reaction === null ? [] : [{ user_id: who.id, username: who.name, reaction }];
  return { ...message, reactions: [...others, ...own] };
}

/** Keeps a message as the server has it, and shows it with what is on its way. */
export function setBase(draft: Draft, base: Message): void {
  const changing = draft.state.changing[base.id];
  if (changing) draft.map("changing")[base.id] = { ...changing, base };
  draft.map("messagesById")[base.id] = changing ? shown(draft.state, base, changing.changes) : base;
}

function shown(state: Domain, base: Message, changes: readonly Change[]): ShownMessage {
  const me = state.me ?? "";
  const changed = changes.reduce((message, change) => {
    switch (change.kind) {
      case "edit":
        return { ...message, content: change.content, is_edited: true };
      case "delete":
        return tombstone(message);
      case "hide":
        return message;
      case "react": {
        const name = message.reactions.find(({ user_id: id }) => id === me)?.username ?? me;
        return withReaction(message, { id: me, name }, change.reaction);
      }
    }
  }, base);
  return { ...changed, isChanging: true };
}

/** Shows a change of a message before the server has made it. */
export function beginChange(draft: Draft, id: string, change: Change): void {
  const base = baseOf(draft.state, id);
  if (!base) return;
  const changes = [...(draft.state.changing[id]?.changes ?? []), change];
  draft.map("changing")[id] = { base, changes };
  setBase(draft, base);
  if (change.kind === "hide") removeId(draft, base.conversation_id, id);
}

/** Shows a change no more: it is made, or was refused. */
export function endChange(draft: Draft, id: string, key: string): void {
  const changing = draft.state.changing[id];
  if (!changing) return;
  const ended = changing.changes.find((change) => change.key === key);
  const changes = changing.changes.filter((change) => change !== ended);
  if (changes.length) {
    draft.map("changing")[id] = { ...changing, changes };
  } else {
    delete draft.map("changing")[id];
  }
  setBase(draft, changing.base);
  if (ended?.kind === "hide" && isWithin(draft.state, changing.base))
    insertId(draft, changing.base);
}

/** Whether a message belongs to what is loaded of its conversation. */
function isWithin(state: Domain, { conversation_id: id, seq }: Message): boolean {
  const window = state.windows[id];
  if (!window || seq < (window.nextBeforeSeq ?? 0)) return false;
  const last = state.messagesById[state.messageIdsByConversation[id]?.at(-1) ?? ""];
  return window.atEnd || seq < (last?.seq ?? 0);
}

/** Shows a message in its place: by its seq, before what is not sent yet. */
export function insertId(draft: Draft, message: Message): void {
  const { state } = draft;
  if (state.deletedForSelf[message.id]) return;
  const shownIds = state.messageIdsByConversation[message.conversation_id] ?? [];
  const place = placeOf(state, shownIds, message.seq);
  if (shownIds[place] === message.id) return;
  draft.ids(message.conversation_id).splice(place, 0, message.id);
}

/** The first place whose message has this seq or a higher one; what is not sent yet has the highest. */
function placeOf(state: Domain, ids: readonly string[], seq: number): number {
  let low = 0;
  let high = ids.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((state.messagesById[ids[middle] ?? ""]?.seq ?? 0) < seq) low = middle + 1;
    else high = middle;
  }
  return low;
}

export function removeId(draft: Draft, conversationId: string, id: string): void {
  const place = draft.state.messageIdsByConversation[conversationId]?.indexOf(id) ?? -1;
  if (place >= 0) draft.ids(conversationId).splice(place, 1);
}

/** Forgets a message that the person deleted for themselves. */
export function forgetMessage(draft: Draft, conversationId: string, id: string): void {
  removeId(draft, conversationId, id);
  const { conversations, messageIdsByConversation, messagesById } = draft.state;
  const conversation = conversations[conversationId];
  if (conversation?.last_message_id === id) {
    const before = messageIdsByConversation[conversationId]?.findLast(
      (one) => !messagesById[one]?.pending,
    );
    draft.map("conversations")[conversationId] = {
      ...conversation,
      last_message_id: before ?? null,
    };
    // It may be another one, where the one before is not loaded.
    doubt(draft, conversationId);
  }
  const deleted = draft.map("deletedForSelf");
  deleted[id] = true;
  for (const oldest of Object.keys(deleted).slice(0, -MOST_DELETED)) drop(deleted, oldest);
  drop(draft.map("messagesById"), id);
  if (draft.state.changing[id]) drop(draft.map("changing"), id);
}

/** A conversation's last message is another one: the one before is kept only where it is shown. */
export function forgetLast(draft: Draft, conversationId: string, id: string | null): void {
  if (id === null) return;
  // From the end, where it is.
  const ids = draft.state.messageIdsByConversation[conversationId] ?? [];
  if (ids.lastIndexOf(id) < 0) drop(draft.map("messagesById"), id);
}

/** Takes a key out of a map that may be written to. */
export function drop(map: Record<string, unknown>, key: string): void {
  delete map[key];
}
