// In which order the outbox is sent: each conversation is a lane, with one message on its way at a time.

import type { OutboxEntry } from "./entry.js";
import type { ChatError } from "./errors.js";

export interface LanesHooks {
  /** What is to be sent, in its order. */
  entries: () => readonly OutboxEntry[];
  laneOf: (entry: OutboxEntry) => string;
  /** Whether anything may be sent from here now. */
  mayRun: () => boolean;
  /** Whether this one may. Those behind it in its lane wait for it. */
  mayGo: (entry: OutboxEntry) => boolean;
  /** Whether it still is to be sent. */
  isThere: (entry: OutboxEntry) => boolean;
  show: (entry: OutboxEntry) => void;
  /** Sends it: undefined where the server has it, or why it has not. */
  attempt: (entry: OutboxEntry) => Promise<ChatError | undefined>;
  fail: (entry: OutboxEntry, error: ChatError) => Promise<void>;
}

// After an attempt without an answer, in ms: this at first, then twice as long each time, and never longer than the last.
const FIRST_WAIT = 1_000;
const LONGEST_WAIT = 30_000;

export class Lanes {
  // In which a message is on its way, or waits to be tried again.
  readonly #busy = new Set<string>();
  readonly #pauses = new Set<() => void>();
  // The limit that the server counts by is the person's, so it is that of all lanes.
  #pausedUntil = 0;

  constructor(private readonly hooks: LanesHooks) {}

  /** Sends what may be sent. */
  drain(): void {
    if (!this.hooks.mayRun() || Date.now() < this.#pausedUntil) return;
    const taken = new Set(this.#busy);
    for (const entry of this.hooks.entries()) {
      const lane = this.hooks.laneOf(entry);
      if (entry.state === "failed" || taken.has(lane)) continue;
      taken.add(lane);
      if (!this.hooks.mayGo(entry)) continue;
      this.#busy.add(lane);
      void this.#send(entry, lane);
    }
  }

  /** The link is lost: nobody waits to try again any more. */
  stop(): void {
    this.#pausedUntil = 0;
    for (const end of this.#pauses) end();
  }

  async #send(first: OutboxEntry, lane: string): Promise<void> {
    // It is kept as queued: a page that finds it after a crash knows no more of it.
    const entry: OutboxEntry = { ...first, state: "sending" };
    this.hooks.show(entry);
    for (let attempt = 0; ; attempt += 1) {
      const outcome = await this.hooks.attempt(entry);
      if (outcome === undefined || !this.hooks.isThere(entry)) break;
      if (!outcome.retryable) {
        await this.hooks.fail(entry, outcome);
        break;
      }
      if (!this.hooks.mayRun()) {
        this.hooks.show({ ...entry, state: "queued" });
        break;
      }
      const wait =
        outcome.retryAfter !== undefined
          ? outcome.retryAfter * 1_000
          : Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** attempt) * (0.5 + Math.random() / 2);
      if (outcome.code === "RATE_LIMIT_EXCEEDED") this.#pausedUntil = Date.now() + wait;
      await this.#pause(wait);
    }
    this.#busy.delete(lane);
    this.drain();
  }

  /** Waits, or until the link is lost. */
  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        this.#pauses.delete(end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      this.#pauses.add(end);
    });
  }
}
