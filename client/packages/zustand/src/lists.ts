// The list of conversations, as it is loaded and as it is loaded anew.

import type { Conversation, Listed, Message, Payload } from "@chatserver/client";

import { dropConversation, dropWindow, putConversation, putSettings } from "./conversations.js";
import { Draft } from "./draft.js";
import { drop, forgetLast, insertId, putMessage } from "./messages.js";
import { doubt } from "./unread.js";
import type { Domain } from "./state.js";
import { keepWindow, keptWindow } from "./windows.js";

/** What is kept of the messages of a conversation: the newest ones. */
export interface KeptPage {
  readonly conversationId: string;
  readonly messages: readonly Message[];
  /** There are none before them. */
  readonly isWhole: boolean;
}

/** A page of the list has come. The first one of a list begins it anew. */
export function takeListed(state: Domain, { conversations, first, last }: Listed): Domain {
  const draft = new Draft(state);
  if (first) {
    // What is shown stays until the server has shown the same: what was kept, and newest pages that came before the list.
    const stays = new Set(conversations.map(({ id }) => id).filter((id) => mayStay(state, id)));
    for (const [id, { last_message_id: last }] of Object.entries(state.conversations)) {
      if (stays.has(id)) {
        drop(draft.map("conversations"), id);
        forgetLast(draft, id, last);
      } else {
        dropConversation(draft, id);
      }
    }
    for (const id of stays) keepWindow(draft, id);
    for (const id of Object.keys(state.windows)) if (!stays.has(id)) dropWindow(draft, id);
    draft.state.hidden = {};
    draft.state.stale = {};
    draft.state.ahead = {};
    draft.state.deletedForSelf = {};
  }
  for (const conversation of conversations) putConversation(draft, conversation);
  draft.state.isListed = last;
  return draft.done();
}

/** Whether what is loaded of a conversation may be shown on when the list begins anew: not what was listed once, and lost. */
function mayStay(state: Domain, id: string): boolean {
  const window = state.windows[id];
  return window !== undefined && (window.kept !== undefined || (!state.isListed && window.atEnd));
}

/** What was kept on the device: the list, and the newest messages of some conversations. */
export function takeKept(
  state: Domain,
  conversations: readonly Conversation[],
  pages: readonly KeptPage[],
): Domain {
  const draft = new Draft(state);
  for (const conversation of conversations) putConversation(draft, conversation);
  for (const { conversationId, messages, isWhole } of pages) {
    if (!draft.state.conversations[conversationId]) continue;
    for (const message of messages) {
      putMessage(draft, message);
      insertId(draft, message);
    }
    draft.map("windows")[conversationId] = keptWindow(messages, isWhole);
  }
  return draft.done();
}

/** One conversation, as it was asked for. */
export function takeConversation(state: Domain, conversation: Conversation): Domain {
  const draft = new Draft(state);
  putConversation(draft, conversation);
  return draft.done();
}

/** What a person may set of a conversation. */
export type SettingsChanges = Omit<
  Payload<"chat:conversation_settings_set">,
  "requestId" | "conversationId"
>;

/** The person changes settings: shown as they will be. */
export function takeSettings(
  state: Domain,
  id: string,
  { level, mutedUntil, archived, favourite }: SettingsChanges,
): Domain {
  const draft = new Draft(state);
  putSettings(draft, id, {
    ...(level && { level }),
    ...(mutedUntil !== undefined && { muted_until: mutedUntil }),
    ...(typeof archived === "boolean" && { archived }),
    ...(typeof favourite === "boolean" && { favourite }),
  });
  return draft.done();
}

/** What is known of a conversation may be wrong: it is asked for. */
export function doubtConversation(state: Domain, id: string): Domain {
  const draft = new Draft(state);
  doubt(draft, id);
  return draft.done();
}

/** A conversation that was asked for is none of the person's. */
export function missConversation(state: Domain, id: string): Domain {
  const draft = new Draft(state);
  dropConversation(draft, id);
  return draft.done();
}

/** What is loaded of these conversations is not to be relied on. */
export function takeResync(state: Domain, ids: readonly string[]): Domain {
  const draft = new Draft(state);
  for (const id of ids) dropWindow(draft, id);
  return draft.done();
}

/** The person's contacts who are online. */
export function takePresence(state: Domain, users: readonly { userId: string }[]): Domain {
  const presenceByUser = Object.fromEntries(users.map(({ userId }) => [userId, "online" as const]));
  return { ...state, presenceByUser };
}

/** A conversation is asked for. */
export function beginAsking(state: Domain, id: string): Domain {
  const draft = new Draft(state);
  if (state.stale[id]) drop(draft.map("stale"), id);
  draft.map("asking")[id] = true;
  return draft.done();
}

/** Its answer has come, or none. `again`: it is to be asked for once more. */
export function endAsking(state: Domain, id: string, again: boolean): Domain {
  const draft = new Draft(state);
  drop(draft.map("asking"), id);
  if (again) doubt(draft, id);
  return draft.done();
}
