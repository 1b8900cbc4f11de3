// What a chat is made of, and what it tells.

import type { SocketSettings } from "./connection.js";
import type { ChatError } from "./errors.js";
import type { Conversation, Message, SessionReady } from "./events.js";
import type { OutboxEntry } from "./entry.js";
import type { ChatStorage } from "./storage.js";
import type { Push, Status } from "./types.js";

export interface ChatOptions {
  /** The server's address, such as `https://chat.example.com`; the page's own where it is left out. */
  url?: string;
  /**
   * Gives the token, whenever one is needed: at each connection, and before a session ends. `refused` says that the
   * server did not take the last one, so a kept one is of no use. null: nobody is signed in.
   */
  token: (about: { refused: boolean }) => string | null | Promise<string | null>;
  /** Where the outbox is kept: `memory()` where nothing is said, or `indexedDb()`. */
  storage?: ChatStorage;
  /** Options of socket.io-client. */
  socket?: SocketSettings;
  /** How long an ask waits for its answer, a lost link included, in ms: 15,000 where nothing is said. */
  timeout?: number;
  /** Whether messages are acknowledged as delivered when they come: yes where nothing is said. */
  delivered?: boolean;
}

/** A page of the list of conversations. */
export interface Listed {
  conversations: readonly Conversation[];
  /** The list begins anew: what was known before counts no more. */
  first: boolean;
  /** It has no more pages. */
  last: boolean;
}

/** What a chat tells those who listen. */
export interface ChatEvents {
  /** Pushes, each once, in the order of their conversation, gaps mended: what belongs together at once. */
  pushes: [pushes: readonly Push[]];
  /** The same, one by one. */
  push: [push: Push];
  status: [status: Status, error: ChatError | undefined];
  /** A session has begun, and what was missed was told. */
  ready: [session: SessionReady];
  listed: [page: Listed];
  /** What is known of these conversations is not to be relied on. Their list entries come by `listed`. */
  resync: [conversationIds: readonly string[]];
  /** The outbox is another one. */
  outbox: [entries: readonly OutboxEntry[]];
  /** A message left the outbox: the server has it. */
  sent: [entry: OutboxEntry, message: Message];
  /** Another page has changed a value in the storage. */
  kept: [key: string];
  /** All that is kept in the storage is about to be deleted: keep nothing more there. */
  forgotten: [];
}
