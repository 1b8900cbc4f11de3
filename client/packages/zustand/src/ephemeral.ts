// What passes by itself: who is typing, and who was online when the link was lost.

import type { Chat, Push, Status } from "@chatserver/client";
import type { StoreApi } from "zustand/vanilla";

import { Draft } from "./draft.js";
import { takePresence } from "./lists.js";
import { stopTyping } from "./reducers.js";
import type { ChatState } from "./store.js";

/** The server lets typing end after 3 s; this is for an end that does not come, in ms. */
const TYPING = 5_000;
/** So long the server calls those online whose link was lost, where nothing else is set (PRESENCE_GRACE); in ms. */
const GRACE = 60_000;

export class Ephemeral {
  readonly #typing = new Map<string, ReturnType<typeof setTimeout>>();
  #grace: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly chat: Chat,
    private readonly store: StoreApi<ChatState>,
  ) {}

  /** Lets typing end. */
  watch(pushes: readonly Push[]): void {
    for (const { event, data } of pushes) {
      if (event !== "chat:user_typing") continue;
      const key = `${data.conversationId} ${data.userId}`;
      clearTimeout(this.#typing.get(key));
      this.#typing.delete(key);
      if (!data.isTyping) continue;
      const end = () => {
        this.#typing.delete(key);
        const draft = new Draft(this.store.getState());
        stopTyping(draft, data.conversationId, data.userId);
        this.store.setState(draft.done());
      };
      this.#typing.set(key, setTimeout(end, TYPING));
    }
  }

  /** Without a link nobody is told of: who was online counts as that for a while. */
  statusChanged(status: Status): void {
    if (status === "online") {
      clearTimeout(this.#grace);
      this.#grace = undefined;
    } else {
      this.#grace ??= setTimeout(() => {
        this.store.setState((state) => takePresence(state, []));
      }, GRACE);
    }
  }

  /** Asks who is online. */
  ready(): void {
    void this.chat
      .ask("presence:list")
      .then(({ users }) => {
        this.store.setState((state) => takePresence(state, users));
      })
      .catch(() => undefined);
  }

  close(): void {
    clearTimeout(this.#grace);
    for (const timer of this.#typing.values()) clearTimeout(timer);
  }
}
