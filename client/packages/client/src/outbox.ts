// Messages on their way out: sent once each and in order, until the server has them or refuses them for good.

import { Entries } from "./entries.js";
import { target, type Draft, type OutboxEntry, type Sending } from "./entry.js";
import { ChatError, noAnswer } from "./errors.js";
import type { Failure, Message, MessageSend } from "./events.js";
import { newId } from "./ids.js";
import { Lanes } from "./lanes.js";
import type { ChatStorage } from "./storage.js";
import type { Answer } from "./types.js";
import { Waiters } from "./waiters.js";

export interface OutboxHooks {
  /** Emits the message; rejects without an answer. */
  post(message: MessageSend & { clientMessageId: string }): Promise<Answer<"chat:message_send">>;
  changed(entries: readonly OutboxEntry[]): void;
  sent(entry: OutboxEntry, message: Message): void;
  /** Another page has changed a value that the application keeps. */
  kept(key: string): void;
}

/** So many messages may wait. */
const MOST = 1_000;

export class Outbox {
  readonly #kept: Entries;
  readonly #lanes: Lanes;
  readonly #waiting = new Waiters();
  // The conversations that were found by writing to people.
  readonly #found = new Map<string, string>();
  #online = false;

  constructor(
    storage: ChatStorage,
    private readonly hooks: OutboxHooks,
  ) {
    this.#kept = new Entries(storage, {
      changed: (entries) => hooks.changed(entries),
      ready: () => this.#lanes.drain(),
      heard: ({ state, error, clientMessageId }) => {
        if (state === "failed" && error)
          this.#waiting.reject(clientMessageId, new ChatError(error));
      },
      kept: (key) => hooks.kept(key),
    });
    this.#lanes = new Lanes({
      entries: () => this.entries,
      laneOf: ({ draft }) => this.#found.get(target(draft)) ?? target(draft),
      mayRun: () => this.#online && this.#kept.leads,
      mayGo: ({ clientMessageId }) => this.#kept.isKept(clientMessageId),
      isThere: ({ clientMessageId }) => this.#kept.get(clientMessageId) !== undefined,
      show: (entry) => this.#kept.show(entry),
      attempt: (entry) => this.#attempt(entry),
      fail: (entry, error) => this.#fail(entry, error),
    });
  }

  /** Settles once what was kept is here. */
  get loaded(): Promise<void> {
    return this.#kept.loaded;
  }

  /** Joins the other pages of the person. */
  open(): void {
    this.#kept.open();
  }

  /** Who is signed in, or was when something was kept last. */
  get userId(): string | null {
    return this.#kept.userId;
  }

  /** Deletes everything that is kept here, whoever's it is. */
  forget(): Promise<void> {
    return this.#kept.forget((id) => this.discard(id));
  }

  /** The messages of the person who is signed in, in the order in which they go out. */
  get entries(): readonly OutboxEntry[] {
    return this.#kept.mine;
  }

  /** The session of this person has begun. */
  online(userId: string): void {
    this.#online = true;
    this.#kept.belongTo(userId);
    this.#kept.stand(true);
    this.#lanes.drain();
  }

  /** The link is lost: what is on its way is queued again. */
  offline(): void {
    this.#online = false;
    this.#kept.stand(false);
    this.#lanes.stop();
  }

  close(): void {
    this.offline();
    this.#kept.close();
  }

  /** Keeps a message, and sends it as soon as it may be. */
  send(draft: Draft): Sending {
    const clientMessageId = newId();
    const sent = this.#waiting.add(clientMessageId);
    if (this.entries.length < MOST) {
      this.#kept.add(clientMessageId, draft);
    } else {
      const message = "Too many messages wait to be sent";
      this.#waiting.reject(
        clientMessageId,
        new ChatError({ code: "OUTBOX_FULL", message, retryable: true }),
      );
    }
    return { clientMessageId, sent };
  }

  /** Sends a failed message again: as it is, or in another wording, which makes it another message. */
  retry(clientMessageId: string, draft?: Draft): Sending | undefined {
    const entry = this.#kept.get(clientMessageId);
    if (entry?.state !== "failed") return undefined;
    if (draft) {
      this.discard(clientMessageId);
      return this.send(draft);
    }
    const sent = this.#waiting.add(clientMessageId);
    const { error: _, ...rest } = entry;
    void this.#kept.put({ ...rest, state: "queued" }).then(() => this.#lanes.drain());
    return { clientMessageId, sent };
  }

  /** Takes a message out. One that is on its way may arrive all the same. */
  discard(clientMessageId: string): void {
    this.#kept.remove(clientMessageId, false);
    this.#waiting.reject(
      clientMessageId,
      new ChatError({ code: "DISCARDED", message: "The message was discarded", retryable: false }),
    );
  }

  /** The server has this message, by its ack or by its push. */
  confirm(clientMessageId: string, message: Message): void {
    const entry = this.#kept.get(clientMessageId);
    if (entry) {
      const { draft } = entry;
      if (!draft.conversationId) this.#found.set(target(draft), message.conversation_id);
      // First, so that it is never in neither place.
      this.hooks.sent(entry, message);
      this.#kept.remove(clientMessageId, true);
    }
    this.#waiting.resolve(clientMessageId, message);
  }

  /** Tells the other pages that a kept value has changed. */
  tell(key: string): void {
    this.#kept.tell(key);
  }

  #vanish(clientMessageId: string): void {
    this.#kept.remove(clientMessageId, false);
    const message = "The message was sent, and is not there for you any more";
    this.#waiting.reject(
      clientMessageId,
      new ChatError({ code: "RESOURCE_NOT_FOUND", message, retryable: false }),
    );
  }

  async #fail(entry: OutboxEntry, reason: ChatError): Promise<void> {
    const { code, message, retryable, details, fields, errorId } = reason;
    const error = { code, message, retryable, details, fields, errorId } as Failure;
    await this.#kept.put({ ...entry, userId: this.userId, state: "failed", error });
    this.#waiting.reject(entry.clientMessageId, reason);
  }

  /** One attempt: undefined where the server has the message, or why it has not. */
  async #attempt(entry: OutboxEntry): Promise<ChatError | undefined> {
    try {
      const { clientMessageId, draft } = entry;
      const { files, ...message } = draft;
      const fileIds = files && { fileIds: files.map(({ id }) => id) };
      const answer = await this.hooks.post({ ...message, ...fileIds, clientMessageId });
      // Left out where it was sent before, and is not theirs to see any more.
      const sent = answer.message as Message | undefined;
      if (sent) this.confirm(clientMessageId, sent);
      else this.#vanish(clientMessageId);
      return undefined;
    } catch (error) {
      if (!(error instanceof ChatError)) return noAnswer();
      // The session has ended, not the message.
      const isOver = error.code === "AUTH_FAILED" || error.code === "AUTH_REQUIRED";
      return isOver ? noAnswer() : error;
    }
  }
}
