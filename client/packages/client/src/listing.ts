// Loads the list of conversations: beside the handshake at first, and again where something of it was lost.

import { ChatError } from "./errors.js";
import type { ConversationPage } from "./events.js";
import type { Listed } from "./options.js";
import type { Answer, Asked, Command } from "./types.js";

const PAGE = 200;
/** So many conversations are loaded one by one; more, and all of them are. */
const FEW = 20;
/** How long the handshake waits for the list, in ms. */
const PATIENCE = 5_000;

export interface ListingHooks {
  ask<C extends Command>(command: C, ...payload: Asked<C>): Promise<Answer<C>>;
  listed(page: Listed): void;
  resync(conversationIds: readonly string[]): void;
  forget(stream?: string): void;
}

export class Listing {
  #since: string | undefined;
  // The page that is next: the archived conversations come after the others. null where all are here, undefined where
  // not even the first is.
  #next: { readonly archived: boolean; readonly cursor?: string } | null | undefined;
  #lost = new Set<string>();
  #running: Promise<void> | undefined;

  constructor(
    private readonly url: string,
    private readonly hooks: ListingHooks,
  ) {}

  /** Whether the first page is here. */
  get hasBegun(): boolean {
    return this.#next !== undefined;
  }

  /** Loads the first page, where there is none, and gives the offset to connect from. */
  async begin(token: string): Promise<string | undefined> {
    if (this.#next !== undefined) return this.#since;
    try {
      const answer = await fetch(new URL(`/api/conversations?limit=${PAGE.toString()}`, this.url), {
        headers: { Authorization: `Bearer ${token}` },
        signal: AbortSignal.timeout(PATIENCE),
      });
      if (answer.ok) {
        const page = (await answer.json()) as ConversationPage;
        this.#since = page.offset;
        this.#take(page, false, true);
      }
    } catch {
      // Asked for in the session, then.
    }
    return this.#since;
  }

  /** Loads everything anew. */
  reload(): void {
    this.#since = undefined;
    this.#next = undefined;
    this.#lost.clear();
    this.hooks.forget();
  }

  /** Loads these conversations anew; `me` stands for what only the whole list tells. */
  mend(streams: readonly string[]): void {
    for (const stream of streams) {
      this.hooks.forget(stream);
      this.#lost.add(stream);
    }
    if (this.#lost.size > FEW || this.#lost.has("me")) this.reload();
    void this.resume();
  }

  /** Loads what is still to be loaded. */
  async resume(): Promise<void> {
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
    await this.#running;
  }

  async #run(): Promise<void> {
    try {
      while (this.#next !== null) {
        const asked = this.#next;
        const page = await this.hooks.ask("chat:conversation_list", {
          limit: PAGE,
          ...(asked ?? { archived: false }),
        });
        // Otherwise it began anew meanwhile.
        if (asked === this.#next) this.#take(page, asked?.archived ?? false, asked === undefined);
      }
      for (const id of this.#lost) await this.#mendOne(id);
    } catch (error) {
      // Without an answer the next session goes on with it.
      if (error instanceof ChatError && error.code !== "NO_ANSWER" && error.retryable) {
        setTimeout(() => void this.resume(), 1_000 * (error.retryAfter ?? 5));
      }
    }
  }

  async #mendOne(conversationId: string): Promise<void> {
    try {
      const { conversation } = await this.hooks.ask("chat:conversation_get", { conversationId });
      this.hooks.listed({
        conversations: [conversation],
        first: false,
        last: this.#next === null,
      });
      // Only now: what is loaded from here on has all that the conversation's seq stands for.
      this.hooks.resync([conversationId]);
    } catch (error) {
      // What is gone needs no mending.
      if (!(error instanceof ChatError) || error.retryable) throw error;
    }
    this.#lost.delete(conversationId);
  }

  #take({ conversations, pagination }: ConversationPage, archived: boolean, first: boolean): void {
    const { nextCursor: cursor } = pagination;
    if (cursor !== null) this.#next = { archived, cursor };
    else this.#next = archived ? null : { archived: true };
    this.hooks.listed({ conversations, first, last: this.#next === null });
  }
}
