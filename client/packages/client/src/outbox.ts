// Messages on their way out: kept before they are sent, and until the server has them or refuses them for good.

import { PREFIX, keyOf, target, type Draft, type OutboxEntry, type Sending } from "./entry.js";
import { ChatError, noAnswer } from "./errors.js";
import type { Failure, Message, MessageSend } from "./events.js";
import { newId } from "./ids.js";
import { Lanes } from "./lanes.js";
import type { ChatStorage } from "./storage.js";
import { joinTabs, type Tabs, type Told } from "./tabs.js";
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

const ME = "me";
/** So many messages may wait. */
const MOST = 1_000;
/** How long the push of what another page has sent may take, in ms. */
const PUSH = 3_000;

export class Outbox {
  readonly #entries = new Map<string, OutboxEntry>();
  readonly #waiting = new Waiters();
  // The conversations that were found by writing to people.
  readonly #found = new Map<string, string>();
  // Being kept: they are not sent before they are.
  readonly #unkept = new Set<string>();
  readonly #lanes: Lanes;
  #tabs: Tabs | undefined;
  #userId: string | null = null;
  #order = 0;
  #online = false;
  /** Settles once what was kept is here. */
  readonly loaded: Promise<void>;

  constructor(
    private readonly storage: ChatStorage,
    private readonly hooks: OutboxHooks,
  ) {
    this.#lanes = new Lanes({
      entries: () => this.entries,
      laneOf: ({ draft }) => this.#found.get(target(draft)) ?? target(draft),
      mayRun: () => this.#online && this.#tabs?.leads === true,
      mayGo: ({ clientMessageId }) => !this.#unkept.has(clientMessageId),
      isThere: ({ clientMessageId }) => this.#entries.has(clientMessageId),
      show: (entry) => {
        // From here on it is theirs, also where it was written before anybody was known.
        this.#entries.set(entry.clientMessageId, { ...entry, userId: this.#userId });
        this.#changed();
      },
      attempt: (entry) => this.#attempt(entry),
      fail: (entry, error) => this.#fail(entry, error),
    });
    this.loaded = this.#load();
  }

  /** Joins the other pages of the person. */
  open(): void {
    this.#tabs ??= joinTabs(this.storage.name, {
      lead: () =>
        void this.#load().then(() => {
          this.#lanes.drain();
        }),
      hear: (what) => void this.#hear(what),
    });
  }

  /** Who is signed in, or was when something was kept last. */
  get userId(): string | null {
    return this.#userId;
  }

  /** Deletes everything that is kept here, whoever's it is. */
  async forget(): Promise<void> {
    for (const id of [...this.#entries.keys()]) this.discard(id);
    this.#userId = null;
    await this.storage.clear();
  }

  /** The messages of the person who is signed in, in the order in which they go out. */
  get entries(): readonly OutboxEntry[] {
    return [...this.#entries.values()]
      .filter((entry) => this.#isMine(entry))
      .sort((one, other) => one.order - other.order);
  }

  /** The session of this person has begun. */
  online(userId: string): void {
    if (userId !== this.#userId) {
      this.#userId = userId;
      void this.storage.set(ME, userId).catch(() => undefined);
    }
    this.#online = true;
    this.#changed();
    this.#tabs?.stand(true);
    this.#lanes.drain();
  }

  /** The link is lost: what is on its way is queued again. */
  offline(): void {
    this.#online = false;
    this.#tabs?.stand(false);
    this.#lanes.stop();
  }

  close(): void {
    this.offline();
    this.#tabs?.close();
    this.#tabs = undefined;
  }

  /** Keeps a message, and sends it as soon as it may be. */
  send(draft: Draft): Sending {
    const clientMessageId = newId();
    const sent = this.#waiting.add(clientMessageId);
    if (this.entries.length >= MOST) {
      this.#waiting.reject(
        clientMessageId,
        new ChatError({
          code: "OUTBOX_FULL",
          message: "Too many messages wait to be sent",
          retryable: true,
        }),
      );
      return { clientMessageId, sent };
    }
    this.#order = Math.max(this.#order + 1, Date.now());
    const entry: OutboxEntry = {
      clientMessageId,
      userId: this.#userId,
      draft,
      order: this.#order,
      state: "queued",
    };
    this.#unkept.add(clientMessageId);
    this.#entries.set(clientMessageId, entry);
    this.#changed();
    void this.#keep(entry).then(() => {
      this.#unkept.delete(clientMessageId);
      this.#lanes.drain();
    });
    return { clientMessageId, sent };
  }

  /** Sends a failed message again: as it is, or in another wording, which makes it another message. */
  retry(clientMessageId: string, draft?: Draft): Sending | undefined {
    const entry = this.#entries.get(clientMessageId);
    if (entry?.state !== "failed") return undefined;
    if (draft) {
      this.discard(clientMessageId);
      return this.send(draft);
    }
    const sent = this.#waiting.add(clientMessageId);
    const { error: _, ...rest } = entry;
    void this.#put({ ...rest, state: "queued" }).then(() => {
      this.#lanes.drain();
    });
    return { clientMessageId, sent };
  }

  /** Takes a message out. One that is on its way may arrive all the same. */
  discard(clientMessageId: string): void {
    this.#remove(clientMessageId, false);
    this.#waiting.reject(
      clientMessageId,
      new ChatError({ code: "DISCARDED", message: "The message was discarded", retryable: false }),
    );
  }

  /** The server has this message, by its ack or by its push. */
  confirm(clientMessageId: string, message: Message): void {
    const entry = this.#entries.get(clientMessageId);
    if (entry) {
      const { draft } = entry;
      if (!draft.conversationId) this.#found.set(target(draft), message.conversation_id);
      // First, so that it is never in neither place.
      this.hooks.sent(entry, message);
      this.#remove(clientMessageId, true);
    }
    this.#waiting.resolve(clientMessageId, message);
  }

  /** Tells the other pages that a kept value has changed. */
  tell(key: string): void {
    this.#tabs?.tell({ kind: "kept", key });
  }

  #isMine({ userId }: OutboxEntry): boolean {
    return userId === null || userId === this.#userId;
  }

  #changed(): void {
    this.hooks.changed(this.entries);
  }

  async #load(): Promise<void> {
    try {
      const me = await this.storage.get(ME);
      if (this.#userId === null && typeof me === "string") this.#userId = me;
      for (const entry of (await this.storage.list(PREFIX)) as OutboxEntry[]) {
        if (this.#entries.has(entry.clientMessageId)) continue;
        // Whatever page had it on its way is gone, or has lost its link.
        this.#entries.set(
          entry.clientMessageId,
          entry.state === "sending" ? { ...entry, state: "queued" } : entry,
        );
        this.#order = Math.max(this.#order, entry.order);
      }
    } catch {
      // Nothing can be kept here. What is sent now is sent all the same.
    }
    this.#changed();
  }

  async #keep(entry: OutboxEntry): Promise<void> {
    try {
      await this.storage.set(keyOf(entry), entry);
    } catch {
      // As above.
    }
    // Discarded, or confirmed by a push, while it was written.
    if (!this.#entries.has(entry.clientMessageId))
      await this.storage.delete(keyOf(entry)).catch(() => undefined);
    else this.#tabs?.tell({ kind: "changed", id: keyOf(entry) });
  }

  #put(entry: OutboxEntry): Promise<void> {
    this.#entries.set(entry.clientMessageId, entry);
    this.#changed();
    return this.#keep(entry);
  }

  #remove(clientMessageId: string, isSent: boolean): void {
    const entry = this.#entries.get(clientMessageId);
    if (!entry) return;
    this.#entries.delete(clientMessageId);
    this.#changed();
    void this.storage
      .delete(keyOf(entry))
      .catch(() => undefined)
      .then(() => {
        this.#tabs?.tell({ kind: "removed", id: clientMessageId, isSent });
      });
  }

  async #hear(what: Told): Promise<void> {
    if (what.kind === "kept") {
      this.hooks.kept(what.key);
    } else if (what.kind === "removed") {
      const forget = () => {
        if (this.#entries.delete(what.id)) this.#changed();
      };
      // Where it was sent its push is on its way, and shows it in its place.
      if (what.isSent) setTimeout(forget, PUSH);
      else forget();
    } else {
      const entry = (await this.storage.get(what.id).catch(() => undefined)) as
        OutboxEntry | undefined;
      if (!entry) return;
      this.#entries.set(entry.clientMessageId, entry);
      this.#order = Math.max(this.#order, entry.order);
      this.#changed();
      this.#lanes.drain();
      if (entry.state === "failed" && entry.error)
        this.#waiting.reject(entry.clientMessageId, new ChatError(entry.error));
    }
  }

  #vanish(clientMessageId: string): void {
    this.#remove(clientMessageId, false);
    const message = "The message was sent, and is not there for you any more";
    this.#waiting.reject(
      clientMessageId,
      new ChatError({ code: "RESOURCE_NOT_FOUND", message, retryable: false }),
    );
  }

  async #fail(entry: OutboxEntry, reason: ChatError): Promise<void> {
    const { code, message, retryable, details, fields, errorId } = reason;
    const error = { code, message, retryable, details, fields, errorId } as Failure;
    await this.#put({ ...entry, userId: this.#userId, state: "failed", error });
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
