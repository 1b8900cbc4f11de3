// A message in the outbox.

import type { Failure, File as SentFile, Message, MessageSend } from "./events.js";

/** A message to send: to a conversation, or to a person (about a product). */
export type Draft = Omit<MessageSend, "clientMessageId"> & {
  /** Files as `upload` gave them: sent by their ids, and shown until the server has the message. */
  files?: readonly SentFile[];
};

/** A message in the outbox. */
export interface OutboxEntry {
  readonly clientMessageId: string;
  /** Whose message it is; null until the server has said who is signed in. */
  readonly userId: string | null;
  readonly draft: Draft;
  /** Higher than that of the message before it. It sorts the outbox and nothing else. */
  readonly order: number;
  /** `failed`: refused for good, and in nobody's way. Retry it or discard it. */
  readonly state: "queued" | "sending" | "failed";
  /** Why it failed. */
  readonly error?: Failure;
}

/** A message that is on its way. */
export interface Sending {
  readonly clientMessageId: string;
  /** The message as the server has it. Rejects with a ChatError where it is refused for good, or discarded. */
  readonly sent: Promise<Message>;
}

/** What the keys begin with that entries are kept by. */
export const PREFIX = "outbox:";

/** The key that entries are kept by sorts them. */
export function keyOf({ order, clientMessageId }: OutboxEntry): string {
  return `${PREFIX}${order.toString().padStart(16, "0")}:${clientMessageId}`;
}

/** To whom a draft goes, as one lane. */
export function target(draft: Draft): string {
  return draft.conversationId ?? `to:${draft.recipientId ?? ""}:${draft.productId ?? ""}`;
}
