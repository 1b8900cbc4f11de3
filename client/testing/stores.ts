// Stores of people, and what a store would be that has just begun.

import { onTestFinished, vi } from "vitest";

import type { Chat, ChatOptions, Conversation, Message } from "@chatserver/client";
import { createChatStore, type ChatState, type ChatStore } from "@chatserver/zustand";

import { chatOf, until } from "./chats.js";
import type { Somebody } from "./people.js";
import { PAGE } from "../packages/zustand/src/history.js";

/** A store of somebody, once its session stands and its list is here. */
export async function storeOf(
  person: Somebody,
  options: Partial<ChatOptions> = {},
): Promise<ChatStore> {
  const chat = chatOf(person, options);
  const store = createChatStore(chat);
  onTestFinished(() => store.destroy());
  chat.open();
  await until(chat, "status", () => chat.status === "online", "a session");
  await becomes(store, (state) => state.isListed);
  return store;
}

/** Waits until a state is as it should be. */
export async function becomes(
  store: ChatStore,
  holds: (state: ChatState) => boolean,
): Promise<ChatState> {
  return vi.waitFor(
    () => {
      if (!holds(store.getState())) throw new Error("it is not so yet");
      return store.getState();
    },
    { timeout: 20_000, interval: 10 },
  );
}

/** Says more in a conversation than a page of history has: the numbers from 1. */
export async function sayMuch(chat: Chat, conversationId: string): Promise<void> {
  const sent = Array.from(
    { length: PAGE + 10 },
    (_, index) => chat.send({ conversationId, content: `${index + 1}` }).sent,
  );
  await Promise.all(sent);
}

/** The texts that are shown of a conversation. */
export function texts(
  { messageIdsByConversation, messagesById }: ChatState,
  id: string,
): (string | null)[] {
  return (messageIdsByConversation[id] ?? []).map(
    (message) => messagesById[message]?.content ?? null,
  );
}

/** What is compared: conversations in their order with what is loaded of their messages. */
export type Picture = { conversation: object; last: object | null; messages: object[] }[];

/** What a store shows. */
export function shownBy(state: ChatState): Picture {
  return [...state.conversationOrder, ...state.archivedOrder].map((id) => {
    const { last_message_id: last, ...conversation } = state.conversations[id]!;
    const messages = (state.messageIdsByConversation[id] ?? [])
      .map((one) => state.messagesById[one]!)
      .filter(({ pending }) => !pending);
    return {
      conversation: told(conversation),
      last: last === null ? null : plain(state.messagesById[last]!),
      messages: messages.map(plain),
    };
  });
}

/** What the server shows now, to somebody who asks for the first time. */
export async function shownTo(chat: Chat, opened: readonly string[]): Promise<Picture> {
  const [listed, archived] = await Promise.all(
    [false, true].map((one) => chat.ask("chat:conversation_list", { limit: 200, archived: one })),
  );
  return Promise.all(
    [...listed!.conversations, ...archived!.conversations].map(
      async ({ last_message: last, ...conversation }) => {
        const page = opened.includes(conversation.id)
          ? await chat.ask("chat:history", { conversationId: conversation.id, limit: 200 })
          : undefined;
        return {
          conversation: told(conversation),
          last: last && plain(last),
          messages: page?.messages.map(plain) ?? [],
        };
      },
    ),
  );
}

/**
 * Without what no event tells: up to where people received and read, where nothing was new to them; and the seq of an
 * event about a message that the person has deleted for themselves, which is not replayed.
 */
function told({ participants, last_seq: _, ...rest }: Omit<Conversation, "last_message">): object {
  return {
    ...rest,
    participants: participants.map(
      ({ delivered_seq: __, read_seq: ___, ...participant }) => participant,
    ),
  };
}

/** Without the status of what was erased: nobody is told that a tombstone was read. */
function plain({ status, ...message }: Message): object {
  return message.is_deleted ? message : { ...message, status };
}
