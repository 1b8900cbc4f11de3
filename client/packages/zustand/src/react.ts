import { createContext, createElement, useContext, useEffect, type ReactNode } from "react";
import { useStore } from "zustand/react";

import type { Attachment } from "./attachments.js";
import type { ShownMessage, StoredConversation, Typist, Window } from "./state.js";
import type { ChatActions, ChatState, ChatStore } from "./store.js";

const Context = createContext<ChatStore | null>(null);
const none: readonly never[] = [];

/** Gives its children a store, whose chat is open for as long as they are shown. */
export function ChatProvider({ store, children }: { store: ChatStore; children?: ReactNode }) {
  useEffect(() => store.retain(), [store]);
  return createElement(Context.Provider, { value: store }, children);
}

/** The store that the `ChatProvider` above gives. */
export function useChatStore(): ChatStore {
  const store = useContext(Context);
  if (!store) throw new Error("There is no ChatProvider above this component");
  return store;
}

/** A part of the state. It renders again where the selector gives something else, so let it give what is stored. */
export function useChat<Selected>(selector: (state: ChatState) => Selected): Selected {
  return useStore(useChatStore(), selector);
}

/** What may be done. It is always the same object. */
export function useChatActions(): ChatActions {
  return useChat((state) => state.actions);
}

/** The ids of the conversations, the most recently active first. */
export function useConversationIds(): readonly string[] {
  return useChat((state) => state.conversationOrder);
}

/** The ids of those that the person has archived. */
export function useArchivedIds(): readonly string[] {
  return useChat((state) => state.archivedOrder);
}

export function useConversation(id: string): StoredConversation | undefined {
  return useChat((state) => state.conversations[id]);
}

/** The ids of the messages that are loaded of a conversation, oldest first, those on their way at the end. */
export function useMessageIds(conversationId: string): readonly string[] {
  return useChat((state) => state.messageIdsByConversation[conversationId] ?? none);
}

export function useMessage(id: string | null): ShownMessage | undefined {
  return useChat((state) => (id === null ? undefined : state.messagesById[id]));
}

/** Which part of a conversation's messages is loaded. */
export function useWindow(conversationId: string): Window | undefined {
  return useChat((state) => state.windows[conversationId]);
}

/** Who is typing in a conversation. */
export function useTyping(conversationId: string): readonly Typist[] {
  return useChat((state) => state.typingByConversation[conversationId] ?? none);
}

export function useIsOnline(userId: string): boolean {
  return useChat((state) => state.presenceByUser[userId] === "online");
}

/** The files that go with the next message of a conversation. */
export function useAttachments(conversationId: string): readonly Attachment[] {
  return useChat((state) => state.attachments[conversationId] ?? none);
}

/** What the person has written in a conversation and not sent yet. */
export function useDraft(conversationId: string): string {
  return useChat((state) => state.drafts[conversationId] ?? "");
}
