// What the store holds: the domain, which reducers change, and what the page alone knows.

import type { ChatError, Conversation, Failure, Message, Person, Status } from "@chatserver/client";

import type { Attachment } from "./attachments.js";

/** A conversation, with its last message by id. */
export interface StoredConversation extends Omit<Conversation, "last_message"> {
  readonly last_message_id: string | null;
}

/**
 * A message as it is shown. One that the server does not have yet has its `clientMessageId` as its id, the highest seq
 * there is, and `pending`. One whose edit, deletion or reaction is on its way is shown as it will be, and `isChanging`.
 */
export interface ShownMessage extends Message {
  readonly pending?: { readonly state: "queued" | "sending" | "failed"; readonly error?: Failure };
  readonly isChanging?: true;
}

/** Which part of a conversation's messages is loaded. */
export interface Window {
  readonly atStart: boolean;
  /** New messages are appended; otherwise there are newer ones than those that are loaded. */
  readonly atEnd: boolean;
  readonly loading: "newest" | "older" | "newer" | "around" | null;
  /** Where the page before begins. */
  readonly nextBeforeSeq: number | null;
  readonly error: ChatError | null;
  /** Another one for each time that a window began anew, so that what was asked for before is known by it. */
  readonly generation: number;
  /** What was kept on the device is shown, until the server has been asked: these messages. */
  readonly kept?: readonly Message[];
  /** What events told of them while the newest page was asked for: it may have been made before. */
  readonly late?: readonly LateChange[];
}

/** What an event with this seq tells of a message. */
export interface LateChange {
  readonly id: string;
  readonly seq: number;
  readonly change: (message: Message) => Partial<Message>;
}

/** Somebody who is typing. */
export interface Typist {
  readonly userId: string;
  readonly username: string;
}

/** A change of a message that is shown before the server has made it. */
export type Change = { readonly key: string } & (
  | { readonly kind: "edit"; readonly content: string }
  | { readonly kind: "delete" }
  | { readonly kind: "hide" }
  | { readonly kind: "react"; readonly reaction: string | null }
);

/** A message as the server has it, beneath changes that are on their way. */
export interface Changing {
  readonly base: Message;
  readonly changes: readonly Change[];
}

/** What an unread count is made of; null: not known. */
export interface Unread {
  readonly count: number | null;
  readonly marked: boolean | null;
  /** Up to which seq the count was lowered last by what was told of readings. */
  readonly told?: number;
}

type ById<Value> = Readonly<Record<string, Value>>;

/** What the server tells, and what is on its way to it. Reducers make it, and nothing else. */
export interface Domain {
  /** Who is signed in. */
  readonly me: string | null;
  readonly conversations: ById<StoredConversation>;
  /** The most recently active first, without those that are archived. */
  readonly conversationOrder: readonly string[];
  /** The same of those that are archived. */
  readonly archivedOrder: readonly string[];
  /** Whether the whole list is here. */
  readonly isListed: boolean;
  readonly messagesById: ById<ShownMessage>;
  /** What is shown of each conversation, oldest first; what is not sent yet at the end. */
  readonly messageIdsByConversation: ById<readonly string[]>;
  readonly windows: ById<Window>;
  /** How many windows have begun: the generation of the last one. */
  readonly generations: number;
  /** What is in the outbox. */
  readonly optimisticMessageIds: readonly string[];
  readonly presenceByUser: ById<"online">;
  readonly typingByConversation: ById<readonly Typist[]>;

  readonly changing: ById<Changing>;
  readonly unread: ById<Unread>;
  /** Conversations of which an event did not tell enough: they are asked for. */
  readonly stale: ById<true>;
  /** Conversations of which an answer is on its way: it may be older than what is told meanwhile. */
  readonly asking: ById<true>;
  /** How far pushes have come in conversations that are not known here: an answer may be older than that. */
  readonly ahead: ById<number>;
  /** Up to where conversations are hidden. */
  readonly hidden: ById<number>;
  /** Messages that the person deleted for themselves: a page that was asked for before may still bring one. */
  readonly deletedForSelf: ById<true>;
  /** By when the last read state was made, in ms since 1970 by the server's clock: it may count what was posted before. */
  readonly countedAt: number;
}

/** What only this page knows. */
export interface Ui {
  readonly status: Status;
  /** Why the status is `signedOut`, where the server said it. */
  readonly error: ChatError | null;
  readonly user: Person | null;
  readonly selected: string | null;
  readonly drafts: ById<string>;
  /** The files that go with the next message of a conversation. */
  readonly attachments: ById<readonly Attachment[]>;
  /** The message that is being edited, and the one that is answered, by conversation. */
  readonly editing: ById<string>;
  readonly replyTo: ById<string>;
}

export const emptyDomain: Domain = {
  me: null,
  conversations: {},
  conversationOrder: [],
  archivedOrder: [],
  isListed: false,
  messagesById: {},
  messageIdsByConversation: {},
  windows: {},
  generations: 0,
  optimisticMessageIds: [],
  presenceByUser: {},
  typingByConversation: {},
  changing: {},
  unread: {},
  stale: {},
  asking: {},
  ahead: {},
  hidden: {},
  deletedForSelf: {},
  countedAt: 0,
};

export const emptyUi: Ui = {
  status: "offline",
  error: null,
  user: null,
  selected: null,
  drafts: {},
  attachments: {},
  editing: {},
  replyTo: {},
};

/** The key of a message's row: the same before and after the server has it. */
export function rowKey(message: ShownMessage, me: string | null): string {
  return (message.sender_id === me ? message.client_message_id : null) ?? message.id;
}
