import type { Chat, Draft as Outgoing, Sending } from "@chatserver/client";
import { ChatError } from "@chatserver/client";
import { createStore, type StoreApi } from "zustand/vanilla";

import { attachmentActions } from "./attachments.js";
import { messageChanges } from "./changes.js";
import { Drafts, keepDraft } from "./drafts.js";
import { Ephemeral } from "./ephemeral.js";
import { historyActions, PAGE } from "./history.js";
import { Keeping } from "./keeping.js";
import {
  missConversation,
  beginAsking,
  doubtConversation,
  endAsking,
  takeConversation,
  takeListed,
  takeResync,
  takeSettings,
  type SettingsChanges,
} from "./lists.js";
import { takeOutbox } from "./outboxReducer.js";
import { confirmSent, reduce } from "./reducers.js";
import { emptyDomain, emptyUi, type Domain, type Ui } from "./state.js";

/** The state: what the server tells, what this page knows, and what may be done. */
export type ChatState = Domain & Ui & { readonly actions: ChatActions };

/** The store of a chat. */
export type ChatStore = StoreApi<ChatState> & {
  readonly chat: Chat;
  /** Opens the chat until what this returns is called, and a second longer. */
  retain(): () => void;
  /** Deletes what is kept of what was shown, so that the next store begins without it; drafts and the outbox stay. */
  forgetShown(): Promise<void>;
  /** Stops listening to the chat. */
  destroy(): void;
};

export type ChatActions = ReturnType<typeof makeActions>;

/** So many conversations are asked for at the same time. */
const AT_ONCE = 4;

export interface ChatStoreOptions {
  /**
   * Whose chat it is. Their conversations, and the newest messages of those that were opened, are kept in the chat's
   * storage and shown at once by the next store that is made for them, link or no link. Nothing is kept where it is left
   * out.
   */
  keptFor?: string;
}

/** Makes the store of a chat. Without anything kept it is empty until the chat is opened, by `retain` above all. */
export function createChatStore(chat: Chat, { keptFor }: ChatStoreOptions = {}): ChatStore {
  const store = createStore<ChatState>()((set, get) => ({
    ...emptyDomain,
    ...emptyUi,
    me: keptFor ?? null,
    actions: makeActions(
      chat,
      (next) => {
        set(next(get()));
      },
      get,
    ),
  }));
  const update = (next: (state: Domain) => Domain) => {
    const before = store.getState();
    const after = next(before);
    if (after !== before) store.setState(after);
  };
  const ephemeral = new Ephemeral(chat, store);
  const keeping = keptFor === undefined ? undefined : new Keeping(chat, store, keptFor);
  void keeping?.load();
  const drafts = new Drafts(chat, store);
  let connectingAt = Date.now();

  /** Asks for the conversations of which an event did not tell enough. */
  function settleStale(): void {
    for (const id of Object.keys(store.getState().stale)) {
      const { asking } = store.getState();
      if (Object.keys(asking).length >= AT_ONCE || chat.status !== "online") return;
      if (!asking[id]) void ask(id);
    }
  }

  async function ask(conversationId: string): Promise<void> {
    update((state) => beginAsking(state, conversationId));
    let again = false;
    try {
      const { conversation } = await chat.ask("chat:conversation_get", { conversationId });
      // Whatever made it doubtful meanwhile is asked for once more.
      again = store.getState().stale[conversationId] === true;
      update((state) => takeConversation(state, conversation));
    } catch (error) {
      if (error instanceof ChatError && error.retryable) {
        await new Promise((resolve) => setTimeout(resolve, 1_000 * (error.retryAfter ?? 1)));
        again = true;
      } else {
        update((state) => missConversation(state, conversationId));
      }
    }
    update((state) => endAsking(state, conversationId, again));
    settleStale();
  }

  /** Loads what is open, where it is to be loaded: once it is listed, or all of the list is here without it. */
  function reopen(): void {
    const { selected, conversations, isListed, actions } = store.getState();
    if (selected !== null && (conversations[selected] || isListed))
      actions.select(selected).catch(() => undefined);
  }

  const stops = [
    chat.on("pushes", (pushes) => {
      const { me } = store.getState();
      const { user, serverTime } = chat.session ?? {};
      if (serverTime && pushes.some(({ event }) => event === "chat:read_state")) {
        // It was no later by the server's clock: that stood at `serverTime` once the link was being made.
        store.setState({ countedAt: Date.parse(serverTime) + Date.now() - connectingAt });
      }
      if (user && user.userId !== me) store.setState({ me: user.userId, user });
      update((state) => reduce(state, pushes));
      ephemeral.watch(pushes);
      settleStale();
    }),
    chat.on("listed", (page) => {
      update((state) => takeListed(state, page));
      reopen();
    }),
    chat.on("resync", (ids) => {
      update((state) => takeResync(state, ids));
      reopen();
    }),
    chat.on("outbox", (entries) => {
      // After a reload without a link, whose messages they are.
      if (store.getState().me === null && chat.userId !== null) store.setState({ me: chat.userId });
      update((state) => takeOutbox(state, entries));
    }),
    chat.on("sent", ({ clientMessageId }, message) => {
      update((state) => confirmSent(state, clientMessageId, message));
    }),
    chat.on("status", (status, error) => {
      if (status === "connecting") connectingAt = Date.now();
      store.setState({ status, error: error ?? null });
      ephemeral.statusChanged(status);
      if (status === "online") reopen();
      settleStale();
    }),
    chat.on("ready", ({ user }) => {
      store.setState({ me: user.userId, user });
      void drafts.takeAll();
      ephemeral.ready();
      settleStale();
    }),
    chat.on("kept", (key) => void drafts.take(key)),
    store.subscribe(({ stale }, before) => {
      if (stale !== before.stale) settleStale();
    }),
  ];
  update((state) => takeOutbox(state, chat.outbox.entries));
  void chat.outbox.loaded.then(() => drafts.takeAll());

  return Object.assign(store, {
    chat,
    retain: () => chat.retain(),
    forgetShown: async () => keeping?.forget(),
    destroy: () => {
      for (const stop of stops) stop();
      ephemeral.close();
      keeping?.close();
    },
  });
}

/**
 * Whether the first messages of a conversation are still to be asked for: once it is known whose they are, as the list of
 * conversations may be here before that; and those that were kept, once there is a link.
 */
function isUnasked({ windows, status, me }: ChatState, id: string): boolean {
  const window = windows[id];
  if (!window) return me !== null;
  return window.kept !== undefined && !window.loading && status === "online";
}

/** Up to which seq a conversation was read, where the unread messages begin before its newest page; otherwise null. */
function readBefore({ conversations, me }: ChatState, id: string): number | null {
  const conversation = conversations[id];
  if (!conversation || conversation.unread_count < PAGE) return null;
  return conversation.participants.find(({ user_id: one }) => one === me)?.read_seq ?? null;
}

function makeActions(
  chat: Chat,
  update: (next: (state: ChatState) => Partial<ChatState>) => void,
  get: () => ChatState,
) {
  const change = (next: (state: Domain) => Domain) => {
    update(next);
  };
  const history = historyActions(chat, change, get, () => get().selected);

  /** A value by conversation; null takes it away. */
  function put(name: "drafts" | "editing" | "replyTo", id: string, value: string | null): void {
    update((state) => {
      const { [id]: _, ...rest } = state[name];
      return { [name]: value === null ? rest : { ...rest, [id]: value } };
    });
  }

  const attachments = attachmentActions(chat, update, get);
  const actions = {
    ...attachments,
    ...messageChanges(chat, change, get),
    ...history,

    /**
     * Opens a conversation, or none. Where nothing of it is loaded, that loads its newest messages; where more of it is
     * unread than these are, those around the first unread one.
     */
    async select(id: string | null): Promise<void> {
      update(() => ({ selected: id }));
      chat.focus(id);
      if (id === null || !isUnasked(get(), id)) return;
      const read = readBefore(get(), id);
      await (read === null ? actions.loadNewest(id) : actions.loadAround(id, read));
    },

    /** Finds or makes the direct conversation with a person (about a product), and gives its id. */
    async openDirect(recipientId: string, productId?: string): Promise<string> {
      const { conversation } = await chat.ask("chat:conversation_open", {
        recipientId,
        ...(productId !== undefined && { productId }),
      });
      // Otherwise pushes have told as much, or more.
      if (!get().conversations[conversation.id])
        change((state) => takeConversation(state, conversation));
      return conversation.id;
    },

    /**
     * Sends a message to a conversation: it is shown at once. Takes the draft, the reply and the attached files that are
     * there, which go with it.
     */
    send(
      id: string,
      draft: Omit<Outgoing, "conversationId" | "recipientId" | "productId">,
    ): Sending {
      const replyToMessageId = get().replyTo[id];
      const files = attachments.takeAttachments(id);
      put("replyTo", id, null);
      actions.setDraft(id, "");
      const window = get().windows[id];
      if (window && !window.atEnd && !window.loading) actions.loadNewest(id).catch(() => undefined);
      return chat.send({
        ...(replyToMessageId && { replyToMessageId }),
        ...(files.length && { files }),
        ...draft,
        conversationId: id,
      });
    },

    /** Keeps what the person has written so far, and lets the others know that they are typing. */
    setDraft(id: string, text: string): void {
      if ((get().drafts[id] ?? "") === text) return;
      put("drafts", id, text || null);
      if (text) chat.typing(id);
      void keepDraft(chat, get(), id, text);
    },

    setEditing(id: string, messageId: string | null): void {
      put("editing", id, messageId);
    },

    setReplyTo(id: string, messageId: string | null): void {
      put("replyTo", id, messageId);
    },

    /** Changes what notifies in a conversation, and how it is listed: at once, and back where it is refused. */
    async setSettings(conversationId: string, changes: SettingsChanges): Promise<void> {
      change((state) => takeSettings(state, conversationId, changes));
      try {
        await chat.ask("chat:conversation_settings_set", { conversationId, ...changes });
      } catch (error) {
        change((state) => doubtConversation(state, conversationId));
        throw error;
      }
    },

    /** Says that the person has seen a conversation up to a seq, or all of it. */
    read(id: string, upToSeq?: number): void {
      const seq = upToSeq ?? get().conversations[id]?.last_seq;
      if (seq !== undefined) chat.read(id, seq);
    },
  };
  return actions;
}
