// Pages of history, and what they are to the window of messages that is loaded.

import type { ChatError, History, Message } from "@chatserver/client";

import { Draft } from "./draft.js";
import { baseOf, changeMessage, drop, insertId, putMessage, removeId } from "./messages.js";
import { dropWindow } from "./conversations.js";
import type { Domain, Window } from "./state.js";

export type Direction = NonNullable<Window["loading"]>;

/** So many conversations keep what is loaded of them; those that were opened longest ago go first. */
const MOST_WINDOWS = 30;

const fresh: Window = {
  atStart: false,
  atEnd: false,
  loading: null,
  nextBeforeSeq: null,
  error: null,
  generation: 0,
};

/** The window of messages that were kept on the device. */
export function keptWindow(messages: readonly Message[], atStart: boolean): Window {
  return { ...fresh, atStart, atEnd: true, kept: messages };
}

/**
 * Shows what is loaded of a conversation until its newest page has come. One that was asked for before is passed over: it may
 * lack what the list has, and no push tells again.
 */
export function keepWindow(draft: Draft, conversationId: string): void {
  const window = draft.state.windows[conversationId];
  if (!window) return;
  const sent = sentIds(draft.state, conversationId);
  const messages = sent.flatMap((id) => baseOf(draft.state, id) ?? []);
  draft.map("windows")[conversationId] = {
    ...keptWindow(messages, window.atStart),
    generation: (draft.state.generations += 1),
  };
}

/** What is loaded of a conversation, without what is not sent yet. */
function sentIds(state: Domain, conversationId: string): string[] {
  const ids = state.messageIdsByConversation[conversationId] ?? [];
  return ids.filter((id) => !state.messagesById[id]?.pending);
}

/** The seqs of the first and the last message that is loaded and sent. */
export function edges(
  state: Domain,
  conversationId: string,
): { first: number; last: number } | undefined {
  const sent = sentIds(state, conversationId);
  const first = state.messagesById[sent[0] ?? ""];
  const last = state.messagesById[sent.at(-1) ?? ""];
  return first && last ? { first: first.seq, last: last.seq } : undefined;
}

/** A page is asked for. From `newest` and `around` on the window begins anew. */
export function beginPage(
  state: Domain,
  conversationId: string,
  direction: Direction,
  keep: string | null,
): Domain {
  const draft = new Draft(state);
  let window = state.windows[conversationId] ?? fresh;
  if (direction === "around" || (direction === "newest" && !window.kept)) {
    dropWindow(draft, conversationId);
    window = { ...fresh, generation: (draft.state.generations += 1) };
  }
  // The keys of an object stand in the order in which they were added: the one that was opened last comes last.
  const windows = draft.map("windows");
  delete windows[conversationId];
  windows[conversationId] = {
    ...window,
    loading: direction,
    error: null,
    ...(window.kept && { late: [] }),
  };
  const others = Object.keys(windows).filter((id) => id !== conversationId && id !== keep);
  for (const id of others.slice(0, Math.max(0, Object.keys(windows).length - MOST_WINDOWS))) {
    dropWindow(draft, id);
  }
  return draft.done();
}

/** No page has come. */
export function failPage(
  state: Domain,
  conversationId: string,
  generation: number,
  error: ChatError | null,
): Domain {
  const window = state.windows[conversationId];
  if (window?.generation !== generation) return state;
  const draft = new Draft(state);
  draft.map("windows")[conversationId] = { ...window, loading: null, error };
  return draft.done();
}

/** A page has come: of messages before, after or around those that are loaded. */
export function takePage(
  state: Domain,
  conversationId: string,
  generation: number,
  direction: Direction,
  { older, newer }: { older?: History; newer?: History },
): Domain {
  const window = state.windows[conversationId];
  if (window?.generation !== generation) return state;
  const draft = new Draft(state);
  const messages = [...(older?.messages ?? []), ...(newer?.messages ?? [])];
  const { kept, late = [], ...shown } = window;
  if (kept) dropKept(draft, kept, messages);
  if (newer?.pagination.hasMore) {
    // What was pushed meanwhile comes after messages that are not loaded yet.
    const last = newer.messages.at(-1)?.seq ?? 0;
    const ids = draft.ids(conversationId);
    const kept = ids.filter((id) => {
      const message = draft.state.messagesById[id];
      return message && (message.pending !== undefined || message.seq <= last);
    });
    ids.splice(0, ids.length, ...kept);
  }
  for (const message of messages) show(draft, message);
  const before = older?.pagination.nextBeforeSeq ?? null;
  draft.map("windows")[conversationId] = {
    ...shown,
    loading: null,
    error: null,
    nextBeforeSeq: older ? before : window.nextBeforeSeq,
    atStart: older ? before === null : window.atStart,
    atEnd: direction === "newest" || (newer ? !newer.pagination.hasMore : window.atEnd),
  };
  // The page may have been made before these came.
  for (const { id, seq, change } of late) changeMessage(draft, id, seq, change);
  return draft.done();
}

/** Takes away what was kept and is not among what was loaded. */
function dropKept(draft: Draft, kept: readonly Message[], loaded: readonly Message[]): void {
  const ids = new Set(loaded.map(({ id }) => id));
  for (const { id, conversation_id: conversationId } of kept) {
    if (ids.has(id)) continue;
    removeId(draft, conversationId, id);
    if (draft.state.conversations[conversationId]?.last_message_id !== id)
      drop(draft.map("messagesById"), id);
  }
}

function show(draft: Draft, message: Message): void {
  if (draft.state.deletedForSelf[message.id]) return;
  putMessage(draft, message);
  const changing = draft.state.changing[message.id];
  if (changing?.changes.some(({ kind }) => kind === "hide")) return;
  if (baseOf(draft.state, message.id)) insertId(draft, message);
}
