// What was received, and read: collected for a moment, and told in one command.

import type { Payload } from "./types.js";

/** How long receipts are collected, in ms. */
const PAUSE = 300;
/** How many messages one receipt names at most. */
const MOST_NAMED = 200;

interface Reached {
  seq: number;
  messageId: string;
}

export interface ReceiptsHooks {
  isOnline(): boolean;
  tell(
    command: "chat:message_delivered" | "chat:message_read",
    payload: Payload<"chat:message_read">,
  ): Promise<unknown>;
}

export class Receipts {
  // By conversation: its newest message was received, and it was read up to a seq.
  readonly #received = new Map<string, Reached>();
  readonly #read = new Map<string, number>();
  // What the server was told already.
  readonly #told = new Map<string, number>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly hooks: ReceiptsHooks) {}

  /** A message of somebody else has come. */
  received(conversationId: string, messageId: string, seq: number): void {
    if (seq <= (this.#received.get(conversationId)?.seq ?? 0)) return;
    this.#received.set(conversationId, { seq, messageId });
    this.#soon();
  }

  /** The person has seen everything up to a seq. */
  read(conversationId: string, upToSeq: number): void {
    const known = Math.max(
      this.#read.get(conversationId) ?? 0,
      this.#told.get(conversationId) ?? 0,
    );
    if (upToSeq <= known) return;
    this.#read.set(conversationId, upToSeq);
    this.#soon();
  }

  /** A conversation is to count as read again, though it was: it was marked as unread. */
  unread(conversationId: string): void {
    this.#told.delete(conversationId);
  }

  /** Tells what waits for a session. */
  resume(): void {
    if (this.#received.size || this.#read.size) this.#soon();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #soon(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      void this.#flush();
    }, PAUSE);
  }

  async #flush(): Promise<void> {
    if (!this.hooks.isOnline()) return;
    const read = [...this.#read];
    this.#read.clear();
    // Those who have read a message have received it.
    for (const [conversationId, upToSeq] of read) {
      if ((this.#received.get(conversationId)?.seq ?? 0) <= upToSeq)
        this.#received.delete(conversationId);
    }
    // The newest one stands for all before it.
    const messageIds = [...this.#received.values()].map(({ messageId }) => messageId);
    this.#received.clear();
    const asked: Promise<unknown>[] = [];
    for (let start = 0; start < messageIds.length; start += MOST_NAMED) {
      const named = { messageIds: messageIds.slice(start, start + MOST_NAMED) };
      // Where it fails, the next message in the conversation stands for these, too.
      asked.push(this.hooks.tell("chat:message_delivered", named).catch(() => undefined));
    }
    for (const [conversationId, upToSeq] of read) {
      this.#told.set(conversationId, upToSeq);
      asked.push(
        this.hooks.tell("chat:message_read", { conversationId, upToSeq }).catch(() => {
          if (this.#told.get(conversationId) === upToSeq) this.#told.delete(conversationId);
        }),
      );
    }
    await Promise.all(asked);
  }
}
