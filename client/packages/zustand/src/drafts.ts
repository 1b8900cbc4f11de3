// What a person has written and not sent yet: kept in the chat's storage, for their other pages and the next ones.

import type { Chat } from "@chatserver/client";
import type { StoreApi } from "zustand/vanilla";

import type { Domain, Ui } from "./state.js";

/** A draft as it is kept. */
interface KeptDraft {
  readonly conversationId: string;
  readonly text: string;
}

/** Whose drafts a store has: as soon as it is known who that is. */
function ownerOf(chat: Chat, { me }: Pick<Domain, "me">): string | null {
  return me ?? chat.userId;
}

/** Under which a draft is kept, so that nobody finds what another person of the device has written. */
function draftKey(owner: string | null, id = ""): string {
  return `draft:${owner ?? ""}:${id}`;
}

/**
 * Keeps a draft, and tells the person's other pages; an empty one is deleted. Where nobody knows yet whose it is, it is
 * kept once the session stands, by `takeAll`.
 */
export async function keepDraft(
  chat: Chat,
  state: Pick<Domain, "me">,
  id: string,
  text: string,
): Promise<void> {
  const owner = ownerOf(chat, state);
  if (owner === null) return;
  const key = draftKey(owner, id);
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
    private readonly store: StoreApi<Pick<Domain, "me"> & Pick<Ui, "drafts">>,
  ) {}

  /** Takes one that another page has kept, where this is the key of a draft. */
  async take(key: string): Promise<void> {
    const prefix = draftKey(ownerOf(this.chat, this.store.getState()));
    if (!key.startsWith(prefix)) return;
    let kept: KeptDraft | undefined;
    try {
      kept = (await this.chat.storage.get(key)) as KeptDraft | undefined;
    } catch {
      // Nobody knows what it is now: this page goes on with what it has.
      return;
    }
    const id = key.slice(prefix.length);
    this.store.setState(({ drafts }) => ({ drafts: { ...drafts, [id]: kept?.text ?? "" } }));
  }

  /** Takes all that was written before. What is written on this page counts more. */
  async takeAll(): Promise<void> {
    const who = ownerOf(this.chat, this.store.getState());
    if (who === this.#owner) return;
    // Whoever was thought to be signed in is not.
    if (this.#owner !== null) this.store.setState({ drafts: {} });
    this.#owner = who;
    const state = this.store.getState();
    for (const [id, text] of Object.entries(state.drafts))
      void keepDraft(this.chat, state, id, text);
    const kept = (await this.chat.storage.list(draftKey(who)).catch(() => [])) as KeptDraft[];
    if (!kept.length || this.#owner !== who) return;
    const before = Object.fromEntries(
      kept.map(({ conversationId, text }) => [conversationId, text]),
    );
    this.store.setState(({ drafts }) => ({ drafts: { ...before, ...drafts } }));
  }
}
