// What is kept on the device of what was shown, so that a page that is opened without a link shows it again.

import type { Chat, Conversation } from "@chatserver/client";
import type { StoreApi } from "zustand/vanilla";

import { takeKept, type KeptPage } from "./lists.js";
import { baseOf } from "./messages.js";
import type { Domain } from "./state.js";

/** So many conversations are kept, the most recently active ones, and so many messages of each that was opened. */
const MOST_CONVERSATIONS = 200;
const MOST_MESSAGES = 50;
/** How long changes are collected before they are kept, in ms. */
const PAUSE = 1_000;

/** Keeps what a store shows of one person in the chat's storage. */
export class Keeping {
  readonly #prefix: string;
  // By conversation, what is kept of its messages.
  readonly #kept = new Map<string, KeptPage>();
  readonly #stops: (() => void)[];
  #list: readonly Conversation[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isOver = false;
  #isListed = false;

  constructor(
    private readonly chat: Chat,
    private readonly store: StoreApi<Domain>,
    private readonly userId: string,
  ) {
    this.#prefix = `kept:${userId}:`;
    const hide = () => {
      if (document.visibilityState === "hidden" && this.#timer) void this.#save();
    };
    const page = typeof document === "undefined" ? undefined : document;
    page?.addEventListener("visibilitychange", hide);
    this.#stops = [
      chat.on("listed", () => {
        this.#isListed = true;
      }),
      chat.on("ready", ({ user }) => {
        if (user.userId !== userId) this.close();
      }),
      chat.on("forgotten", () => this.close()),
      store.subscribe((now, before) => {
        if (!this.#isListed) return;
        if (now.conversations !== before.conversations || now.messagesById !== before.messagesById)
          this.#timer ??= setTimeout(() => void this.#save(), PAUSE);
      }),
      () => page?.removeEventListener("visibilitychange", hide),
    ];
  }

  /** Shows what was kept, where the server has told nothing yet. */
  async load(): Promise<void> {
    const { storage } = this.chat;
    try {
      const [conversations, pages] = await Promise.all([
        storage.get(`${this.#prefix}list`) as Promise<readonly Conversation[] | undefined>,
        storage.list(`${this.#prefix}page:`) as Promise<readonly KeptPage[]>,
      ]);
      if (this.#isListed || this.#isOver || !conversations) return;
      for (const page of pages) this.#kept.set(page.conversationId, page);
      this.#list = conversations;
      this.store.setState((state) => takeKept({ ...state, me: this.userId }, conversations, pages));
    } catch {
      // Nothing is kept here.
    }
  }

  /** Keeps nothing any more. */
  close(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    for (const stop of this.#stops) stop();
  }

  /** Deletes what is kept of what was shown, and keeps nothing any more. */
  async forget(): Promise<void> {
    this.close();
    const { storage } = this.chat;
    const pages = (await storage.list(`${this.#prefix}page:`).catch(() => [])) as KeptPage[];
    const keys = [`${this.#prefix}list`, ...pages.map((page) => this.#keyOf(page.conversationId))];
    await Promise.allSettled(keys.map((key) => storage.delete(key)));
  }

  async #save(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const state = this.store.getState();
    const { storage } = this.chat;
    const writes: Promise<void>[] = [];
    const list = listOf(state);
    if (!isSame(list, this.#list)) {
      writes.push(storage.set(`${this.#prefix}list`, list));
      this.#list = list;
    }
    for (const page of pagesOf(state)) {
      const { conversationId: id, messages, isWhole } = page;
      const known = this.#kept.get(id);
      if (known?.isWhole === isWhole && isSame(messages, known.messages)) continue;
      this.#kept.set(id, page);
      writes.push(storage.set(this.#keyOf(id), page));
    }
    for (const id of this.#kept.keys()) {
      if (state.windows[id]) continue;
      this.#kept.delete(id);
      writes.push(storage.delete(this.#keyOf(id)));
    }
    // What cannot be kept is not there after a reload.
    await Promise.allSettled(writes);
  }

  #keyOf(conversationId: string): string {
    return `${this.#prefix}page:${conversationId}`;
  }
}

const listed = new WeakMap<object, Conversation>();

/** The first conversations of the list, as the server shows them: the same objects, where nothing of them has changed. */
function listOf(state: Domain): Conversation[] {
  const ids = [...state.conversationOrder, ...state.archivedOrder];
  return ids.slice(0, MOST_CONVERSATIONS).flatMap((id) => {
    const stored = state.conversations[id];
    if (!stored) return [];
    const { last_message_id: lastId, ...rest } = stored;
    const last = baseOf(state, lastId ?? "") ?? null;
    const known = listed.get(stored);
    if (known?.last_message === last) return [known];
    const shown = { ...rest, last_message: last };
    listed.set(stored, shown);
    return [shown];
  });
}

/** The newest messages of each conversation whose end is loaded. */
function pagesOf(state: Domain): KeptPage[] {
  return Object.entries(state.windows).flatMap(([conversationId, window]) => {
    if (!window.atEnd || window.loading === "newest" || window.kept) return [];
    const ids = state.messageIdsByConversation[conversationId] ?? [];
    const sent = ids.filter((id) => !state.messagesById[id]?.pending);
    const messages = sent.slice(-MOST_MESSAGES).flatMap((id) => baseOf(state, id) ?? []);
    return { conversationId, messages, isWhole: window.atStart && messages.length === sent.length };
  });
}

function isSame(one: readonly unknown[], other: readonly unknown[]): boolean {
  return one.length === other.length && one.every((value, place) => value === other[place]);
}
