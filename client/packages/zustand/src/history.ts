// Loads messages: the newest, those before, those after, and those around one that is looked for.

import type { Chat, History } from "@chatserver/client";
import { ChatError } from "@chatserver/client";

import type { Update } from "./changes.js";
import type { Domain } from "./state.js";
import { beginPage, edges, failPage, takePage, type Direction } from "./windows.js";

/** So many messages a page has. */
export const PAGE = 50;
/** Pages are larger, and at most so many, while a message is looked for. */
const WIDE = 200;
const MOST_PAGES = 20;

type Pages = { older?: History; newer?: History };

export function historyActions(
  chat: Chat,
  update: Update,
  now: () => Domain,
  kept: () => string | null,
) {
  async function load(id: string, direction: Direction, ask: () => Promise<Pages>): Promise<void> {
    update((state) => beginPage(state, id, direction, kept()));
    const generation = now().windows[id]?.generation ?? 0;
    try {
      const pages = await ask();
      update((state) => takePage(state, id, generation, direction, pages));
    } catch (error) {
      const known = error instanceof ChatError ? error : null;
      update((state) => failPage(state, id, generation, known));
      throw error;
    }
  }

  const page = (
    conversationId: string,
    where: { beforeSeq?: number; afterSeq?: number },
    limit = PAGE,
  ) => chat.ask("chat:history", { conversationId, limit, ...where });

  const actions = {
    /** Loads the newest messages, and forgets what was loaded before. */
    loadNewest(id: string): Promise<void> {
      return load(id, "newest", async () => ({ older: await page(id, {}) }));
    },

    /** Loads the messages before those that are loaded; nothing, where a page is on its way or there are none. */
    async loadOlder(id: string, limit = PAGE): Promise<void> {
      const window = now().windows[id];
      const beforeSeq = window?.nextBeforeSeq;
      if (!window || window.loading || beforeSeq === null || beforeSeq === undefined) return;
      await load(id, "older", async () => ({ older: await page(id, { beforeSeq }, limit) }));
    },

    /** Loads the messages after those that are loaded; nothing, where a page is on its way or there are none. */
    async loadNewer(id: string): Promise<void> {
      const window = now().windows[id];
      const afterSeq = edges(now(), id)?.last ?? 0;
      if (!window || window.loading || window.atEnd) return;
      await load(id, "newer", async () => ({ newer: await page(id, { afterSeq }) }));
    },

    /** Loads the messages around a seq, and forgets what was loaded before. */
    loadAround(id: string, seq: number): Promise<void> {
      return load(id, "around", async () => {
        const [older, newer] = await Promise.all([
          page(id, { beforeSeq: seq + 1 }),
          page(id, { afterSeq: seq }),
        ]);
        return { older, newer };
      });
    },

    /**
     * Loads back to a message, such as one that is answered; or around it where its seq is known, as that of one that was
     * searched for. Returns whether it was found: without a seq, within 4,000 messages.
     */
    async reveal(id: string, messageId: string, seq?: number): Promise<boolean> {
      const isHere = () => now().messageIdsByConversation[id]?.includes(messageId) === true;
      if (seq !== undefined) {
        if (!isHere()) await actions.loadAround(id, seq);
        return isHere();
      }
      for (let pages = 0; pages < MOST_PAGES; pages += 1) {
        const state = now();
        if (isHere()) return true;
        const window = state.windows[id];
        if (!window || window.atStart) return false;
        if (window.loading) await new Promise((resolve) => setTimeout(resolve, 20));
        else await actions.loadOlder(id, WIDE);
      }
      return isHere();
    },
  };
  return actions;
}
