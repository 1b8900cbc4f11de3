// The messages of the outbox as they are kept: on the device, and known to the person's other pages.

import { PREFIX, keyOf, type Draft, type OutboxEntry } from "./entry.js";
import type { ChatStorage } from "./storage.js";
import { joinTabs, type Tabs, type Told } from "./tabs.js";

export interface EntriesHooks {
  changed(mine: readonly OutboxEntry[]): void;
  /** There may be something to send: this page leads from now on, or another one has kept a message. */
  ready(): void;
  /** Another page has kept this one. */
  heard(entry: OutboxEntry): void;
  /** Another page has changed a value that the application keeps. */
  kept(key: string): void;
}

const ME = "me";
/** How long the push of what another page has sent may take, in ms. */
const PUSH = 3_000;

export class Entries {
  readonly #entries = new Map<string, OutboxEntry>();
  // Being kept: they are not sent before they are.
  readonly #unkept = new Set<string>();
  #tabs: Tabs | undefined;
  #userId: string | null = null;
  #order = 0;
  /** Settles once what was kept is here. */
  readonly loaded: Promise<void>;

  constructor(
    private readonly storage: ChatStorage,
    private readonly hooks: EntriesHooks,
  ) {
    this.loaded = this.#load();
  }

  /** Joins the other pages of the person. */
  open(): void {
    this.#tabs ??= joinTabs(this.storage.name, {
      lead: () => void this.#load().then(() => this.hooks.ready()),
      hear: (what) => void this.#hear(what),
    });
  }

  /** Leaves them. */
  close(): void {
    this.#tabs?.close();
    this.#tabs = undefined;
  }

  /** Asks that this page be the one that sends, or gives that up. */
  stand(wanted: boolean): void {
    this.#tabs?.stand(wanted);
  }

  /** Whether this page is the one that sends. */
  get leads(): boolean {
    return this.#tabs?.leads === true;
  }

  /** Who is signed in, or was when something was kept last. */
  get userId(): string | null {
    return this.#userId;
  }

  /** This person is signed in. */
  belongTo(userId: string): void {
    if (userId !== this.#userId) {
      this.#userId = userId;
      void this.storage.set(ME, userId).catch(() => undefined);
    }
    this.hooks.changed(this.mine);
  }

  /** The messages of the person who is signed in, in the order in which they go out. */
  get mine(): readonly OutboxEntry[] {
    return [...this.#entries.values()]
      .filter(({ userId }) => userId === null || userId === this.#userId)
      .sort((one, other) => one.order - other.order);
  }

  get(clientMessageId: string): OutboxEntry | undefined {
    return this.#entries.get(clientMessageId);
  }

  /** Whether a message is kept, so that it may be sent. */
  isKept(clientMessageId: string): boolean {
    return !this.#unkept.has(clientMessageId);
  }

  /** Adds a message behind all others: `ready` tells once it is kept. */
  add(clientMessageId: string, draft: Draft): void {
    this.#order = Math.max(this.#order + 1, Date.now());
    this.#unkept.add(clientMessageId);
    const entry: OutboxEntry = {
      clientMessageId,
      userId: this.#userId,
      draft,
      order: this.#order,
      state: "queued",
    };
    void this.put(entry).then(() => {
      this.#unkept.delete(clientMessageId);
      this.hooks.ready();
    });
  }

  /** Shows another state of a message, which is the person's from here on; it is kept as it was. */
  show(entry: OutboxEntry): void {
    this.#entries.set(entry.clientMessageId, { ...entry, userId: this.#userId });
    this.hooks.changed(this.mine);
  }

  /** Shows and keeps another state of a message. */
  async put(entry: OutboxEntry): Promise<void> {
    this.#entries.set(entry.clientMessageId, entry);
    this.hooks.changed(this.mine);
    // Where it cannot be kept it is sent all the same.
    await this.storage.set(keyOf(entry), entry).catch(() => undefined);
    // Discarded, or confirmed by a push, while it was written.
    if (!this.#entries.has(entry.clientMessageId))
      await this.storage.delete(keyOf(entry)).catch(() => undefined);
    else this.#tabs?.tell({ kind: "changed", id: keyOf(entry) });
  }

  /** Takes a message out: because it is sent, or for good. */
  remove(clientMessageId: string, isSent: boolean): void {
    const entry = this.#entries.get(clientMessageId);
    if (!entry) return;
    this.#entries.delete(clientMessageId);
    this.hooks.changed(this.mine);
    void this.storage
      .delete(keyOf(entry))
      .catch(() => undefined)
      .then(() => this.#tabs?.tell({ kind: "removed", id: clientMessageId, isSent }));
  }

  /** Deletes everything that is kept here, whoever's it is; `each` is called of every message. */
  async forget(each: (clientMessageId: string) => void): Promise<void> {
    for (const id of [...this.#entries.keys()]) each(id);
    this.#userId = null;
    await this.storage.clear();
  }

  /** Tells the other pages that a kept value has changed. */
  tell(key: string): void {
    this.#tabs?.tell({ kind: "kept", key });
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
    this.hooks.changed(this.mine);
  }

  async #hear(what: Told): Promise<void> {
    if (what.kind === "kept") {
      this.hooks.kept(what.key);
    } else if (what.kind === "removed") {
      const forget = () => {
        if (this.#entries.delete(what.id)) this.hooks.changed(this.mine);
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
      this.hooks.changed(this.mine);
      this.hooks.ready();
      this.hooks.heard(entry);
    }
  }
}
