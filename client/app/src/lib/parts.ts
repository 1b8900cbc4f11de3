// What a message row needs of its conversation: small parts of it, so that it renders again for nothing else.

import type { ShownMessage } from "@chatserver/zustand";
import { useChat } from "@chatserver/zustand/react";

import { nameIn, progressOf } from "./names.js";

export function useIsGroup(conversationId: string): boolean {
  return useChat(({ conversations }) => conversations[conversationId]?.type === "group");
}

/** What somebody is called in a conversation. */
export function useName(conversationId: string, userId = "", username = ""): string {
  return useChat(({ conversations }) => nameIn(conversations[conversationId], userId, username));
}

/** How far an own message has come. */
export function useProgress(message: ShownMessage | undefined): ReturnType<typeof progressOf> {
  return useChat(({ conversations, me }) =>
    message?.sender_id === me
      ? progressOf(message, conversations[message.conversation_id])
      : "sending",
  );
}
