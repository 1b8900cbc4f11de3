// Searches messages: what was found so far, page by page, and what has become of it since.

import type { Chat, ChatError, Message, Payload, Push } from "@chatserver/client";
import { ChatError as Refusal } from "@chatserver/client";
import { createStore, type StoreApi } from "zustand/vanilla";

/** A message that was found, and where its text has what was looked for: [from, to) in UTF-16 units. */
export interface Found {
  readonly message: Message;
  readonly ranges: readonly (readonly [number, number])[];
}

/** Where to look: in all conversations, or in one; whatever anybody said, or one person. */
export type SearchFilter = Pick<
  Payload<"chat:search">,
  "conversationId" | "senderId" | "before" | "after"
>;

export interface SearchState {
  readonly query: string;
  readonly filter: SearchFilter;
  readonly results: readonly Found[];
  readonly isLoading: boolean;
  /** Whether all was looked through, so that there is no more to be found. */
  readonly isComplete: boolean;
  /** Why there is no page; a `RATE_LIMIT_EXCEEDED` says by `retryAfter` when to ask again. */
  readonly error: ChatError | null;
  readonly actions: {
    /** Looks for something else, once nothing was typed for a moment. */
    look(query: string, filter?: SearchFilter): void;
    /** Goes on where the last page ended; nothing, where a page is on its way or there is no more. */
    more(): Promise<void>;
  };
}

export type Search = StoreApi<SearchState> & {
  /** Stops listening to the chat. */
  destroy(): void;
};

/** How long nothing may be typed before it is looked for, in ms: 30 searches a minute are answered. */
const PAUSE = 350;
/** A page may have few results, or none; so many are asked for until there are some. */
const MOST_PAGES = 5;
const ENOUGH = 10;
/** Of these scripts one character is enough; of others it takes two. */
const ALONE = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/u;

const nothing = { results: [], isLoading: false, isComplete: true, error: null };

/** Whether a text is long enough to be looked for. */
export function isSearchable(query: string): boolean {
  const points = Array.from(query.trim()).length;
  return points >= 2 ? points <= 100 : ALONE.test(query);
}

/** Makes a search of a chat's messages. `pause`: how long nothing may be typed, in ms. */
export function createSearch(chat: Chat, { pause = PAUSE } = {}): Search {
  let cursor: string | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  // Another one for each thing that is looked for: answers to the one before are passed over.
  let generation = 0;

  const store = createStore<SearchState>()((set, get) => ({
    query: "",
    filter: {},
    ...nothing,
    actions: {
      look(query, filter = get().filter) {
        if (query === get().query && filter === get().filter) return;
        clearTimeout(timer);
        generation += 1;
        cursor = null;
        if (!isSearchable(query)) {
          set({ query, filter, ...nothing });
          return;
        }
        // What was found before stays until there is something else to show.
        set({ query, filter, isLoading: true, isComplete: false, error: null });
        timer = setTimeout(() => void load(true), pause);
      },
      async more() {
        if (!get().isLoading && !get().isComplete) await load(get().error !== null && !cursor);
      },
    },
  }));

  async function load(isFirst: boolean): Promise<void> {
    const mine = generation;
    const { query, filter } = store.getState();
    store.setState({ isLoading: true, error: null });
    let found: readonly Found[] = isFirst ? [] : store.getState().results;
    const before = found.length;
    try {
      for (let pages = 0; pages < MOST_PAGES; pages += 1) {
        const asked = { query: query.trim(), ...filter, ...(cursor !== null && { cursor }) };
        const page = await chat.ask("chat:search", asked);
        if (mine !== generation) return;
        if (pages > 0) found = store.getState().results;
        found = [...found, ...page.results];
        cursor = page.cursor;
        store.setState({ results: found, isComplete: cursor === null });
        if (cursor === null || found.length - before >= ENOUGH) break;
      }
      store.setState({ isLoading: false });
    } catch (error) {
      if (mine !== generation) return;
      const known = error instanceof Refusal ? error : null;
      store.setState({ isLoading: false, error: known, ...(isFirst && { results: found }) });
      if (!known) throw error;
    }
  }

  const stop = chat.on("pushes", (pushes) => {
    const { results } = store.getState();
    const left = results.filter(
      ({ message }) => !pushes.some((push) => isOutdated(message, push, chat.userId)),
    );
    if (left.length !== results.length) store.setState({ results: left });
  });

  return Object.assign(store, {
    destroy: () => {
      clearTimeout(timer);
      generation += 1;
      stop();
    },
  });
}

/** Whether a push tells that a message may not be shown any more as it was found: it is another one, or gone. */
function isOutdated(message: Message, { event, data }: Push, me: string | null): boolean {
  switch (event) {
    case "chat:message_deleted":
      return data.messageId === message.id;
    case "chat:message_edited":
      return data.message.id === message.id;
    case "chat:conversation_deleted":
      return data.conversationId === message.conversation_id && message.seq <= data.upToSeq;
    case "group:deleted":
      return data.conversationId === message.conversation_id;
    case "group:member_removed":
    case "group:member_left":
      return data.conversationId === message.conversation_id && data.user.user_id === me;
    default:
      return false;
  }
}
