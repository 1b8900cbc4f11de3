// What a person has written and not sent yet: kept in the chat's storage, for their other pages and the next ones.

import type { Chat } from "@chatserver/client";
import type { StoreApi } from "zustand/vanilla";

import type { Ui } from "./state.js";

/** A draft as it is kept. */
interface KeptDraft {
  readonly conversationId: string;
  readonly text: string;
}

/** Under which a draft is kept, so that nobody finds what another person of the device has written. */
function draftKey(chat: Chat, id = ""): string {
  return `draft:${chat.userId ?? ""}:${id}`;
}

/**
 * Keeps a draft, and tells the person's other pages; an empty one is deleted. Where nobody knows yet whose it is, it is
 * kept once the session stands, by `takeAll`.
 */
export async function keepDraft(chat: Chat, id: string, text: string): Promise<void> {
  if (chat.userId === null) return;
  const key = draftKey(chat, id);
  try {
    const kept: KeptDraft = { conversationId: id, text };
    await (text ? chat.storage.set(key, kept) : chat.storage.delete(key));
    chat.kept(key);
  } catch {
    // It is on this page, and is lost with it.
  }
}

/** Takes drafts that were kept into a store. */
export class Drafts {
  #owner: string | null = null;

  constructor(
    private readonly chat: Chat,
    private readonly store: StoreApi<Pick<Ui, "drafts">>,
  ) {}

  /** Takes one that another page has kept, where this is the key of a draft. */
  async take(key: string): Promise<void> {
    const prefix = draftKey(this.chat);
    if (!key.startsWith(prefix)) return;
    const kept = (await this.chat.storage.get(key).catch(() => undefined)) as KeptDraft | undefined;
    const id = key.slice(prefix.length);
    this.store.setState(({ drafts }) => ({ drafts: { ...drafts, [id]: kept?.text ?? "" } }));
  }

  /** Takes all that was written before. What is written on this page counts more. */
  async takeAll(): Promise<void> {
    const who = this.chat.userId;
    if (who === this.#owner) return;
    // Whoever was thought to be signed in is not.
    if (this.#owner !== null) this.store.setState({ drafts: {} });
    this.#owner = who;
    for (const [id, text] of Object.entries(this.store.getState().drafts))
      void keepDraft(this.chat, id, text);
    const kept = (await this.chat.storage.list(draftKey(this.chat)).catch(() => [])) as KeptDraft[];
    if (!kept.length || this.#owner !== who) return;
    const before = Object.fromEntries(
      kept.map(({ conversationId, text }) => [conversationId, text]),
    );
    this.store.setState(({ drafts }) => ({ drafts: { ...before, ...drafts } }));
  }
}
