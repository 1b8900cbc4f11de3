import { Asking } from "./asking.js";
import { Connection } from "./connection.js";
import { Emitter } from "./emitter.js";
import type { ChatError } from "./errors.js";
import type { Auth, File as SentFile, MessageReceived, SessionReady } from "./events.js";
import { Focus } from "./focus.js";
import { Gate } from "./gate.js";
import { Listing } from "./listing.js";
import type { Draft, OutboxEntry, Sending } from "./entry.js";
import type { ChatEvents, ChatOptions } from "./options.js";
import { Outbox } from "./outbox.js";
import { Receipts } from "./receipts.js";
import { memory } from "./storage.js";
import { Typing } from "./typing.js";
import { upload, type UploadOptions } from "./upload.js";
import type { Answer, Asked, Command, Push, Status } from "./types.js";

export type Chat = ReturnType<typeof createChat>;

const TIMEOUT = 15_000;
/** How long those who let go may change their mind, in ms. React's StrictMode does. */
const GRACE = 1_000;

/** Makes a chat: one person's connection, with an outbox. `open` it, or `retain` it, and it stays connected. */
export function createChat(options: ChatOptions) {
  const { token, storage = memory(), timeout = TIMEOUT, delivered = true } = options;
  const url = options.url ?? globalThis.location.origin;
  const events = new Emitter<ChatEvents>();
  let session: SessionReady | undefined;
  let holders = 0;
  let letGo: ReturnType<typeof setTimeout> | undefined;

  const connection = new Connection(url, options.socket ?? {}, {
    auth: authenticate,
    ready: begin,
    push: take,
    lost: () => {
      gate.unlink();
      outbox.offline();
      typing.forget();
    },
    status: (status, error) => {
      if (status === "online") resume();
      events.emit("status", status, error);
    },
  });

  const asking = new Asking(connection, events, timeout);

  const gate = new Gate({
    sync: (conversationId, afterSeq) =>
      asking.once("chat:sync", { conversationId, afterSeq, limit: 1_000 }),
    deliver,
    lost: (streams) => {
      listing.mend(streams);
    },
  });

  const listing = new Listing(url, {
    ask,
    listed: (page) => {
      for (const { id, last_seq: seq } of page.conversations) gate.seed(id, seq);
      if (page.last) gate.complete = true;
      events.emit("listed", page);
    },
    resync: (streams) => {
      events.emit("resync", streams);
    },
    forget: (stream) => {
      gate.forget(stream);
    },
  });

  const outbox = new Outbox(storage, {
    post: (message) => asking.once("chat:message_send", message),
    changed: (entries) => {
      events.emit("outbox", entries);
    },
    sent: (entry, message) => {
      events.emit("sent", entry, message);
    },
    kept: (key) => {
      events.emit("kept", key);
    },
  });

  const receipts = new Receipts({
    isOnline: () => connection.status === "online",
    tell: (command, payload) => asking.once(command, payload),
  });

  const focus = new Focus({
    isOnline: () => connection.status === "online",
    tell: (conversationId) => asking.once("presence:focus", { conversationId }),
  });

  const typing = new Typing((conversationId, isTyping) => {
    if (connection.status !== "online") return;
    asking.once("chat:typing", { conversationId, isTyping }).catch(() => undefined);
  });

  async function authenticate(refused: boolean): Promise<Auth | null> {
    const given = await token({ refused });
    if (given === null) return null;
    const since = await listing.begin(given);
    const positions = gate.resume;
    return { token: given, ...(positions && { positions }), ...(since !== undefined && { since }) };
  }

  function begin(ready: SessionReady, replayed: Push[]): void {
    session = ready;
    gate.me = ready.user.userId;
    typing.interval = ready.limits.typingIntervalMs;
    const another = gate.epoch !== undefined && gate.epoch !== ready.epoch;
    gate.epoch = ready.epoch;
    if (another) {
      // Another history: a database that was restored. Nothing known of the old one holds.
      listing.reload();
    } else if (ready.limited) {
      listing.mend(ready.resync);
    }
    // Where the list is still to come, it has what was missed.
    if (listing.hasBegun) gate.replay(replayed);
  }

  /** What may be done only once the session stands. */
  function resume(): void {
    if (!session) return;
    outbox.online(session.user.userId);
    receipts.resume();
    focus.resume();
    void listing.resume();
    events.emit("ready", session);
  }

  function take(push: Push): void {
    gate.live(push);
    if (push.event === "session:expiring") void refresh();
  }

  async function refresh(): Promise<void> {
    try {
      const fresh = await token({ refused: false });
      if (fresh !== null) await asking.once("session:refresh", { token: fresh });
    } catch {
      // The session ends in a minute, and the next one begins with a token of its own.
    }
  }

  function deliver(pushes: Push[]): void {
    if (!pushes.length) return;
    events.emit("pushes", pushes);
    for (const push of pushes) {
      events.emit("push", push);
      if (push.event === "chat:message_received") arrived(push.data);
      if (push.event === "chat:conversation_marked_unread")
        receipts.unread(push.data.conversationId);
    }
  }

  function arrived({ conversationId: _, ...message }: MessageReceived): void {
    if (message.sender_id !== gate.me) {
      if (delivered) receipts.received(message.conversation_id, message.id, message.seq);
    } else if (message.client_message_id !== null) {
      outbox.confirm(message.client_message_id, message);
    }
  }

  /**
   * Asks the server, and gives its answer.
   *
   * An ask waits for the link, and is asked again where the link is lost before the answer comes. A change is done once
   * all the same: it carries a `requestId`.
   *
   * @throws ChatError why it was refused; NO_ANSWER after the timeout.
   */
  function ask<C extends Command>(command: C, ...[payload]: Asked<C>): Promise<Answer<C>> {
    return asking.ask(command, payload);
  }

  const chat = {
    get status(): Status {
      return connection.status;
    },
    /** Why the status is `signedOut`, where the server said it. */
    get error(): ChatError | undefined {
      return connection.error;
    },
    /** The session that stands, or the last one that did. */
    get session(): SessionReady | undefined {
      return session;
    },
    /** Who is signed in; before the first session, who was when something was kept in the storage. */
    get userId(): string | null {
      return session?.user.userId ?? outbox.userId;
    },
    storage,
    /** The server's address, which those of files are relative to. */
    url,
    ask,

    /** Listens. Returns what ends it. */
    on<E extends keyof ChatEvents>(
      event: E,
      listener: (...args: ChatEvents[E]) => void,
    ): () => void {
      return events.on(event, listener);
    },

    /** Connects, and stays connected. Someone who was signed out is asked for a token again. */
    open(): void {
      outbox.open();
      connection.open();
    },

    /** Hangs up. What waits in the outbox stays there. */
    close(): void {
      clearTimeout(letGo);
      connection.close();
      receipts.close();
      focus.close();
      outbox.close();
    },

    /** Hangs up, and deletes all that is kept in the storage: for those who sign out. */
    async forget(): Promise<void> {
      events.emit("forgotten");
      chat.close();
      await outbox.forget();
    },

    /** Opens the chat until the last of those who retain it has called what this returns, and a second longer. */
    retain(): () => void {
      clearTimeout(letGo);
      holders += 1;
      if (holders === 1) chat.open();
      let holds = true;
      return () => {
        if (!holds) return;
        holds = false;
        holders -= 1;
        if (holders === 0) letGo = setTimeout(() => chat.close(), GRACE);
      };
    },

    /** Looks at once whether the link holds, as when a page wakes up. */
    wake(): void {
      void connection.wake();
    },

    /** Sends a message: kept until the server has it, once, and in order within its conversation. */
    send(draft: Draft): Sending {
      if (draft.conversationId) typing.type(draft.conversationId, false);
      return outbox.send(draft);
    },

    /**
     * Uploads a file, and gives it as `send` takes it among `files`. A lost link is waited for.
     *
     * @throws ChatError why it was refused; the signal's reason where that was given.
     */
    upload(file: UploadOptions): Promise<SentFile> {
      return upload(url, { ask, online: () => asking.online() }, file);
    },

    outbox: {
      get entries(): readonly OutboxEntry[] {
        return outbox.entries;
      },
      /** Settles once what was kept before is among the entries. */
      loaded: outbox.loaded,
      /** Sends a failed message again. In another wording it is another message, with an id of its own. */
      retry(clientMessageId: string, draft?: Draft): Sending | undefined {
        return outbox.retry(clientMessageId, draft);
      },
      /** Takes a message out. One that is on its way may arrive all the same. */
      discard(clientMessageId: string): void {
        outbox.discard(clientMessageId);
      },
    },

    /** Says that the person is typing, or has stopped. Call it for every key. */
    typing(conversationId: string, isTyping = true): void {
      typing.type(conversationId, isTyping);
    },

    /** Says that the person has seen everything up to a seq. Call it as often as they scroll. */
    read(conversationId: string, upToSeq: number): void {
      receipts.read(conversationId, upToSeq);
    },

    /**
     * Says which conversation is open, or that none is. While the page is in sight and has the focus, the person is not
     * notified of what is said in it.
     */
    focus(conversationId: string | null): void {
      focus.show(conversationId);
    },

    /** Tells the person's other pages that a value in the storage has changed. */
    kept(key: string): void {
      outbox.tell(key);
    },

    /** Cuts the link, which is then made anew: for tests. */
    drop(): void {
      connection.drop();
    },
  };
  return chat;
}
