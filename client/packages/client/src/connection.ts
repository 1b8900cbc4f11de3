// One connection, made again for as long as it is wanted.

import { io, type ManagerOptions, type Socket, type SocketOptions } from "socket.io-client";

import { ChatError } from "./errors.js";
import type { Ack, Auth, Failure, SessionReady } from "./events.js";
import { isUnplugged, watchPage } from "./page.js";
import type { Push, Status } from "./types.js";

/** Options of socket.io-client that may be set. The others belong to the connection. */
export type SocketSettings = Pick<
  Partial<ManagerOptions & SocketOptions>,
  "path" | "transports" | "tryAllTransports" | "extraHeaders" | "withCredentials"
>;

export interface ConnectionHooks {
  /** What to connect with; null where nobody is signed in. `refused`: the last token was. */
  auth(refused: boolean): Promise<Auth | null>;
  /** A session has begun, with what was pushed before it: what was missed, above all. */
  ready(session: SessionReady, replayed: Push[]): void;
  push(push: Push): void;
  lost(): void;
  /** `error`: why, where it is known. */
  status(status: Status, error: ChatError | undefined): void;
}

// Between attempts, in ms: this at first, then twice as long each time, and never longer than the last one.
const FIRST_WAIT = 500;
const LONGEST_WAIT = 30_000;
/** How long a session may take to begin while nothing comes, in ms. */
const BEGINNING = 30_000;
/** How long a page that woke up waits for an answer, in ms. */
const PROOF = 3_000;

interface Untyped {
  timeout(ms: number): { emitWithAck(command: string, payload: unknown): Promise<Ack> };
}

export class Connection {
  status: Status = "offline";
  error: ChatError | undefined;
  readonly #socket: Socket;
  #wanted = false;
  #attempts = 0;
  #refused = false;
  // A token was asked for afresh, and no session has begun since.
  #fresh = false;
  #replayed: Push[] | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #watchdog: ReturnType<typeof setTimeout> | undefined;
  #waitAtLeast = 0;
  #reason: Failure | undefined;
  #attempt = 0;
  #unwatch = (): void => undefined;
  #credentials: Promise<Auth | null> = Promise.resolve(null);

  constructor(
    url: string,
    settings: SocketSettings,
    private readonly hooks: ConnectionHooks,
  ) {
    // `retries` must not be set: the browsers' build of socket.io-client 4.8 loses and repeats with it.
    this.#socket = io(url, {
      transports: ["websocket", "polling"],
      tryAllTransports: true,
      ...settings,
      autoConnect: false,
      forceNew: true,
      reconnection: false,
      auth: (give) => void this.#authenticate(give),
    });
    this.#socket.on("connect", () => {
      this.#replayed = [];
      this.#watch();
    });
    this.#socket.on("disconnect", (reason) => {
      this.#down(reason === "io server disconnect");
    });
    this.#socket.on("connect_error", (error: Error & { data?: Failure }) => {
      this.#reason = error.data;
      this.#down(error.data !== undefined);
    });
    this.#socket.onAny((event: Push["event"], data: unknown) => {
      this.#take({ event, data } as Push);
    });
  }

  /** Connects, and stays connected. Someone who was signed out tries again with a fresh token. */
  open(): void {
    if (this.#wanted && this.status !== "signedOut") return;
    this.#wanted = true;
    this.#attempts = 0;
    this.#fresh = false;
    this.#refused = false;
    this.#unwatch();
    this.#unwatch = watchPage({
      wake: () => void this.wake(),
      sleep: () => {
        this.#rest();
      },
      unplug: () => {
        // A cable may be back at once. Whether the link holds is asked of the link.
        if (this.status === "waiting") this.#set("offline");
        else void this.wake();
      },
    });
    this.#dial();
  }

  /** Hangs up, for good. */
  close(): void {
    this.#wanted = false;
    this.#unwatch();
    this.#rest();
  }

  /** Looks whether the link holds, and makes it anew where it does not. */
  async wake(): Promise<void> {
    if (!this.#wanted || this.status === "signedOut" || this.status === "connecting") return;
    if (this.status !== "online") {
      this.#dial();
      return;
    }
    const attempt = this.#attempt;
    try {
      await this.request("system:ping", {}, PROOF);
    } catch {
      if (attempt === this.#attempt) this.drop();
    }
  }

  /** Cuts the link, which is then made anew. */
  drop(): void {
    this.#socket.io.engine.close();
  }

  /** Emits a command, and gives its ack. Rejects where the link is lost, or after `ms` without one. */
  request(command: string, payload: unknown, ms: number): Promise<Ack> {
    return (this.#socket as unknown as Untyped).timeout(ms).emitWithAck(command, payload);
  }

  async #authenticate(give: (auth: object) => void): Promise<void> {
    const attempt = this.#attempt;
    try {
      const auth = await this.#credentials;
      if (attempt !== this.#attempt) return;
      if (auth) {
        give(auth);
        return;
      }
      this.#finish(undefined);
    } catch {
      // There is no token now. Whoever gives them may be away as a server may.
      if (attempt !== this.#attempt) return;
      this.#socket.disconnect();
      this.#down(false);
    }
  }

  #dial(): void {
    clearTimeout(this.#timer);
    this.#attempt += 1;
    this.#reason = undefined;
    this.#waitAtLeast = 0;
    this.#set("connecting");
    // Beside the handshake, not after it.
    this.#credentials = this.hooks.auth(this.#refused);
    this.#credentials.catch(() => undefined);
    this.#watch();
    this.#socket.connect();
  }

  #take(push: Push): void {
    if (push.event === "error") this.#reason = push.data;
    if (push.event === "session:draining") this.#waitAtLeast = push.data.reconnectAfterMs;
    if (!this.#replayed) {
      this.hooks.push(push);
      return;
    }
    if (push.event !== "session:ready") {
      this.#replayed.push(push);
      this.#watch();
      return;
    }
    clearTimeout(this.#watchdog);
    const replayed = this.#replayed;
    this.#replayed = undefined;
    this.#attempts = 0;
    this.#fresh = false;
    this.#refused = false;
    this.hooks.ready(push.data, replayed);
    this.#set("online");
  }

  /** Gives up on a handshake in which nothing happens any more. */
  #watch(): void {
    clearTimeout(this.#watchdog);
    const attempt = this.#attempt;
    this.#watchdog = setTimeout(() => {
      if (attempt !== this.#attempt) return;
      this.#socket.disconnect();
      this.#down(false);
    }, BEGINNING);
  }

  /** The link is gone, or was not made. `told`: the server said so, and why in `#reason`. */
  #down(told: boolean): void {
    clearTimeout(this.#watchdog);
    this.#replayed = undefined;
    if (this.status === "online") this.hooks.lost();
    // Otherwise it was we who hung up, or it is known already.
    if (this.status !== "online" && this.status !== "connecting") return;
    const code = this.#reason?.code;
    this.#refused = code === "AUTH_FAILED" || code === "AUTH_REQUIRED";
    if (this.#refused && !this.#fresh) {
      this.#fresh = true;
      this.#wait(0);
    } else if (this.#reason && !this.#reason.retryable && (told || this.#refused)) {
      this.#finish(this.#reason);
    } else {
      const longest = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** this.#attempts);
      this.#attempts += 1;
      // Jittered: after a restart everybody comes back, but not in the same moment.
      this.#wait(this.#waitAtLeast + longest * (0.25 + 0.75 * Math.random()));
    }
  }

  #wait(ms: number): void {
    this.#attempt += 1;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#dial();
    }, ms);
    this.#set(isUnplugged() ? "offline" : "waiting");
  }

  #rest(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#watchdog);
    this.#attempt += 1;
    const was = this.status;
    if (was !== "signedOut") this.#set("offline");
    this.#replayed = undefined;
    this.#socket.disconnect();
    if (was === "online") this.hooks.lost();
  }

  #finish(reason: Failure | undefined): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#watchdog);
    this.#attempt += 1;
    this.#set("signedOut", reason && new ChatError(reason));
    this.#socket.disconnect();
  }

  #set(status: Status, error?: ChatError): void {
    this.error = error;
    if (status === this.status) return;
    this.status = status;
    this.hooks.status(status, error);
  }
}
