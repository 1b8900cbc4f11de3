// Chats of people, and what is waited for.

import { onTestFinished } from "vitest";

import {
  createChat,
  type Chat,
  type ChatEvents,
  type ChatOptions,
  type Push,
} from "@chatserver/client";

import { serverUrl, type Somebody } from "./people.js";
import { startProxy, type Proxy } from "./proxy.js";

/** How long anything is waited for, in ms. */
const PATIENCE = 20_000;

/** What a promise gives, or an error that says what did not happen. */
export async function soon<T>(promise: Promise<T>, what: string): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not happen`)), PATIENCE);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Waits until an event of the chat has made `holds` true; it may be so already. */
export function until(
  chat: Chat,
  event: keyof ChatEvents,
  holds: () => boolean,
  what: string,
): Promise<void> {
  if (holds()) return Promise.resolve();
  return soon(
    new Promise((resolve) => {
      const stop = chat.on(event, () => {
        // Behind those who listened before.
        queueMicrotask(() => {
          if (!holds()) return;
          stop();
          resolve();
        });
      });
    }),
    what,
  );
}

/** A network of the test's own, to the server under test or to another one. */
export async function network(url = serverUrl()): Promise<Proxy> {
  const proxy = await startProxy(url);
  onTestFinished(() => proxy.close());
  return proxy;
}

/** A chat of somebody that is closed when the test ends. */
export function chatOf(person: Somebody, options: Partial<ChatOptions> = {}): Chat {
  const chat = createChat({ url: serverUrl(), token: () => person.token, ...options });
  onTestFinished(() => chat.close());
  return chat;
}

/** The same, once its session stands. */
export async function connected(
  person: Somebody,
  options: Partial<ChatOptions> = {},
): Promise<Chat> {
  const chat = chatOf(person, options);
  chat.open();
  await until(chat, "status", () => chat.status === "online", "a session");
  return chat;
}

/** The id of the direct conversation with somebody. */
export async function direct(chat: Chat, other: Somebody): Promise<string> {
  return (await chat.ask("chat:conversation_open", { recipientId: other.id })).conversation.id;
}

/** Everything that is pushed to a chat, from now on. */
export function recorded(chat: Chat): { pushes: Push[]; texts: () => (string | null)[] } {
  const pushes: Push[] = [];
  chat.on("push", (push) => pushes.push(push));
  return {
    pushes,
    texts: () =>
      pushes.flatMap((push) => (push.event === "chat:message_received" ? [push.data.content] : [])),
  };
}
