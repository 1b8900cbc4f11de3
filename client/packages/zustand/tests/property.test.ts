import fc from "fast-check";
import { expect, test } from "vitest";

import { ChatError, memory, type Chat, type ChatStorage } from "@chatserver/client";
import { createChatStore, type ChatStore } from "@chatserver/zustand";

import { chatOf, network, until } from "../../../testing/chats.js";
import { people, scanningServer, type Somebody } from "../../../testing/people.js";
import type { Proxy } from "../../../testing/proxy.js";
import { becomes, shownBy, shownTo } from "../../../testing/stores.js";

/** How long stores may take to show what the server shows, in ms. */
const PATIENCE = Number(process.env.FC_PATIENCE ?? 20_000);

interface Actor {
  person: Somebody;
  store: ChatStore;
  chat: Chat;
  net: Proxy;
  storage: ChatStorage;
  /** Aborted when another page takes the place of this one. */
  leaves: AbortController;
  isAway: boolean;
}

/** A page of somebody's: their chat, and a store that begins with what was kept of the page before. */
function page(person: Somebody, url: string, storage: ChatStorage) {
  const chat = chatOf(person, { url, storage });
  const store = createChatStore(chat, { keptFor: person.id });
  chat.open();
  return { chat, store, leaves: new AbortController() };
}

async function arrived(person: Somebody, url: string): Promise<Actor> {
  const net = await network(url);
  const storage = memory();
  const actor = { person, net, storage, isAway: false, ...page(person, net.url, storage) };
  await becomes(actor.store, (state) => state.isListed);
  return actor;
}

/** What somebody does, to whom or what the numbers choose. */
interface Step {
  what: keyof typeof steps;
  who: number;
  whom: number;
  which: number;
}

interface Scene {
  actors: Actor[];
  conversations: string[];
  messages: string[];
  /** Has the scanner judge what it looks at. */
  free: () => Promise<void>;
  /** Files that are on their way. */
  uploads: Promise<unknown>[];
}

/** What the numbers choose: the latest ones more often, since they can be acted on. */
function chosen(list: string[], which: number): string {
  return list.at(-1 - (which % Math.min(list.length, 6))) ?? "00000000-0000-7000-8000-000000000000";
}

const SETTINGS = [
  { archived: true },
  { archived: true, mutedUntil: "2100-01-01T00:00:00.000Z" },
  { archived: false, mutedUntil: null },
  { level: "mentions" },
  { level: "all", favourite: true },
  { favourite: false },
] as const;
const ROLES = ["admin", "moderator", "member"] as const;

function send(
  { chat }: Actor,
  conversationId: string,
  _: string,
  { messages }: Scene,
  which: number,
) {
  const { sent } = chat.send({
    conversationId,
    content: `text ${which}`,
    ...(which % 5 === 0 && messages.length && { replyToMessageId: chosen(messages, which) }),
  });
  void sent.then(({ id }) => messages.push(id)).catch(() => undefined);
}

/** A file is scanned at once, or for so long that its message is sent before; one that is bad is refused in the end. */
async function upload(
  { chat, leaves: { signal } }: Actor,
  conversationId: string,
  { messages }: Scene,
  which: number,
) {
  const text = `${which % 2 ? "slow" : ""} ${which % 3 ? "" : "EICAR"} ${which}`;
  const file = new File([text], `${which}.txt`, { type: "text/plain" });
  const sent = await chat.upload({ conversationId, file, signal });
  const message = await chat.send({ conversationId, content: "a file", files: [sent] }).sent;
  messages.push(message.id);
}

/** Each is done through the store where the store does it; what is refused changes nothing. */
const steps = {
  send,
  share(actor, conversationId, _, scene, which) {
    // It waits for a link where that is lost; whoever leaves the page meanwhile does not send it.
    const isOver = new Promise((resolve) => actor.leaves.signal.addEventListener("abort", resolve));
    const work = upload(actor, conversationId, scene, which).catch(() => undefined);
    scene.uploads.push(Promise.race([work, isOver]));
  },
  judge: (_, __, ___, { free }) => free(),
  greet({ chat, person }, _, whom) {
    if (whom !== person.id) chat.send({ recipientId: whom, content: "hello" });
  },
  edit: ({ store }, _, __, { messages }, which) =>
    store.getState().actions.edit(chosen(messages, which), `edited ${which}`),
  erase: ({ store }, _, __, { messages }, which) =>
    store.getState().actions.erase(chosen(messages, which)),
  hide: ({ store }, _, __, { messages }, which) =>
    store.getState().actions.hide(chosen(messages, which)),
  react: ({ store }, _, __, { messages }, which) =>
    store.getState().actions.react(chosen(messages, which), which % 3 ? "👍" : "❤"),
  unreact: ({ chat }, _, __, { messages }, which) =>
    chat.ask("chat:reaction_remove", { messageId: chosen(messages, which) }),
  pin: ({ store }, _, __, { messages }, which) =>
    store.getState().actions.pin(chosen(messages, which), which % 3 !== 0),
  readOne: ({ chat }, _, __, { messages }, which) =>
    chat.ask("chat:message_read", { messageId: chosen(messages, which) }),
  readSome: ({ chat }, _, __, { messages }, which) =>
    chat.ask("chat:message_read", {
      messageIds: [chosen(messages, which), chosen(messages, which + 2)],
    }),
  read: ({ store }, conversationId) => store.getState().actions.read(conversationId),
  markUnread: ({ chat }, conversationId) =>
    chat.ask("chat:conversation_mark_unread", { conversationId }),
  forget: ({ chat }, conversationId) => chat.ask("chat:conversation_delete", { conversationId }),
  set: ({ store }, conversationId, _, __, which) =>
    store.getState().actions.setSettings(conversationId, SETTINGS[which % SETTINGS.length]!),
  blockTalk: ({ chat }, conversationId, _, __, which) =>
    chat.ask("chat:conversation_block", { conversationId, block: which % 2 === 0 }),
  block: ({ chat }, _, userId) => chat.ask("user:block", { userId }),
  unblock: ({ chat }, _, userId) => chat.ask("user:unblock", { userId }),
  async open({ store }, _, whom, scene) {
    scene.conversations.push(await store.getState().actions.openDirect(whom));
  },
  async found({ chat, person }, _, whom, scene) {
    const { conversation } = await chat.ask("group:create", {
      title: "A group",
      participantIds: whom === person.id ? [] : [whom],
    });
    scene.conversations.push(conversation.id);
  },
  add: ({ chat }, conversationId, userId) =>
    chat.ask("group:member_add", { conversationId, userId }),
  remove: ({ chat }, conversationId, userId) =>
    chat.ask("group:member_remove", { conversationId, userId }),
  leave: ({ chat }, conversationId) => chat.ask("group:leave", { conversationId }),
  promote: ({ chat }, conversationId, userId, _, which) =>
    chat.ask("group:promote", { conversationId, userId, role: which % 2 ? "admin" : "moderator" }),
  demote: ({ chat }, conversationId, userId, _, which) => {
    const role = ROLES[1 + (which % 2)] as "moderator" | "member";
    return chat.ask("group:demote", { conversationId, userId, role });
  },
  permit: ({ chat }, conversationId, userId, _, which) =>
    chat.ask("group:permit", { conversationId, userId, canAddMembers: which % 2 === 0 }),
  transfer: ({ chat }, conversationId, userId) =>
    chat.ask("group:transfer", { conversationId, userId }),
  rename: ({ chat }, conversationId, _, __, which) =>
    chat.ask("group:update", { conversationId, title: `Title ${which}` }),
  announce: ({ chat }, conversationId, _, __, which) =>
    chat.ask("group:announce", { conversationId, content: `Hear, hear: ${which}` }),
  end: ({ chat }, conversationId, _, __, which) =>
    which % 3 ? undefined : chat.ask("group:delete", { conversationId }),
  select: ({ store }, conversationId) =>
    store.getState().conversations[conversationId] &&
    store.getState().actions.select(conversationId),
  /** Another page in the place of this one, link or no link. */
  reload(actor) {
    actor.leaves.abort();
    actor.store.destroy();
    actor.chat.close();
    Object.assign(actor, page(actor.person, actor.net.url, actor.storage));
  },
  cut: ({ net }) => net.cut(),
  leaveTheNet(actor) {
    actor.isAway = true;
    actor.net.block(true);
  },
  comeBack(actor) {
    actor.isAway = false;
    actor.net.block(false);
    actor.chat.wake();
  },
} satisfies Record<
  string,
  (actor: Actor, conversation: string, whom: string, scene: Scene, which: number) => unknown
>;

/** What people do most, and what may be done about it. */
const OFTEN = [
  "send",
  "send",
  "edit",
  "erase",
  "hide",
  "react",
  "pin",
  "readSome",
  "read",
] as const;

const step: fc.Arbitrary<Step> = fc.record({
  what: fc.constantFrom(...OFTEN, ...(Object.keys(steps) as (keyof typeof steps)[])),
  // The first of them owns the group, and may do more.
  who: fc.constantFrom(0, 0, 1, 2),
  whom: fc.nat(2),
  which: fc.nat(99),
});

async function take(scene: Scene, { what, who, whom, which }: Step): Promise<void> {
  const actor = scene.actors[who]!;
  // Without a link messages wait, and nothing else is tried.
  if (actor.isAway && !["send", "greet", "reload", "comeBack"].includes(what)) return;
  const conversation = chosen(scene.conversations, which);
  const work = steps[what] as (...args: unknown[]) => unknown;
  try {
    await work(actor, conversation, scene.actors[whom]!.person.id, scene, which);
  } catch (error) {
    if (!(error instanceof ChatError)) throw error;
    expect(error.code).not.toBe("INTERNAL_ERROR");
  }
}

/** Ends where the store shows what the server shows, and fails where it never does. */
async function converges({ store, chat, net }: Actor, { free }: Scene): Promise<void> {
  net.block(false);
  chat.wake();
  await until(chat, "status", () => chat.status === "online", "a session");
  const { windows, actions } = await becomes(store, (state) => state.isListed);
  // What was kept is shown until it is opened.
  for (const id of Object.keys(windows)) if (windows[id]?.kept) await actions.select(id);
  const late = Date.now() + PATIENCE;
  for (;;) {
    await free();
    const { windows } = store.getState();
    const opened = Object.keys(windows).filter((id) => !windows[id]?.loading);
    const fresh = await shownTo(chat, opened);
    const shown = shownBy(store.getState());
    const isIdle = chat.outbox.entries.every(({ state }) => state === "failed");
    try {
      expect(isIdle).toBe(true);
      expect(shown).toEqual(fresh);
      return;
    } catch (error) {
      if (Date.now() > late) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

test("What was loaded once, and the events since, are what is loaded now: whatever three people do, and whatever becomes of their links.", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, {
        minLength: 120,
        maxLength: 160,
      }),
      async (taken) => {
        const { url, free } = scanningServer();
        const actors = await Promise.all(people(3).map((person) => arrived(person, url)));
        const scene: Scene = { actors, conversations: [], messages: [], free, uploads: [] };
        const [a, b, c] = actors as [Actor, Actor, Actor];
        scene.conversations.push(await a.store.getState().actions.openDirect(b.person.id));
        const group = await a.chat.ask("group:create", {
          title: "All",
          participantIds: [b.person.id, c.person.id],
        });
        scene.conversations.push(group.conversation.id);
        for (const id of scene.conversations) {
          const sent = await a.chat.send({ conversationId: id, content: "to begin with" }).sent;
          scene.messages.push(sent.id);
          for (const { store } of actors)
            await store
              .getState()
              .actions.select(id)
              .catch(() => null);
        }
        for (const one of taken) await take(scene, one);
        for (const { net, chat } of actors) {
          net.block(false);
          chat.wake();
        }
        await Promise.all(scene.uploads);
        await Promise.all(actors.map((actor) => converges(actor, scene)));
        for (const { chat, store } of actors) {
          store.destroy();
          chat.close();
        }
      },
    ),
    {
      numRuns: Number(process.env.FC_RUNS ?? 3),
      seed: Number(process.env.FC_SEED ?? 1),
      ...(process.env.FC_PATH && { path: process.env.FC_PATH }),
      // Shrinking plays everything again and again: ask for it.
      endOnFailure: process.env.FC_SHRINK === undefined,
    },
  );
}, 180_000);
