// Asks the server, of the session that stands now or of the next one.

import type { Connection } from "./connection.js";
import type { Emitter } from "./emitter.js";
import { ChatError, noAnswer } from "./errors.js";
import { CHANGES } from "./events.js";
import { newId } from "./ids.js";
import type { ChatEvents } from "./options.js";
import type { Answer, Command, Payload } from "./types.js";

/** How long passes between an ask that nobody answered and the same again, in ms. */
const PAUSE = 50;
/** As long as a timer runs, in ms. */
const FOR_EVER = 2 ** 31 - 1;

export class Asking {
  constructor(
    private readonly connection: Connection,
    private readonly events: Emitter<ChatEvents>,
    /** How long an ask waits, a lost link included, in ms. */
    private readonly timeout: number,
  ) {}

  /** Asks once, of the session that stands now. */
  async once<C extends Command>(
    command: C,
    payload: unknown,
    ms = this.timeout,
  ): Promise<Answer<C>> {
    if (this.connection.status !== "online") throw noAnswer();
    const ack = await this.connection.request(command, payload, ms).catch(() => {
      throw noAnswer();
    });
    if (!ack.success) throw new ChatError(ack.error);
    return ack as Answer<C>;
  }

  /** Asks, and asks again where the link is lost before the answer comes. */
  async ask<C extends Command>(command: C, payload: Payload<C> | undefined): Promise<Answer<C>> {
    const until = Date.now() + this.timeout;
    const name = command === "chat:message_send" ? "clientMessageId" : "requestId";
    const asked = CHANGES.has(command) ? { [name]: newId(), ...payload } : (payload ?? {});
    for (;;) {
      await this.online(until - Date.now());
      try {
        return await this.once(command, asked, Math.max(1, until - Date.now()));
      } catch (error) {
        const isLost = error instanceof ChatError && error.code === "NO_ANSWER";
        if (!isLost || Date.now() >= until) throw error;
        // Where the server is silent and the link holds, it is not asked again at once.
        if (this.connection.status === "online")
          await new Promise((resolve) => setTimeout(resolve, PAUSE));
      }
    }
  }

  /** Settles when a session stands; rejects after so many ms, or where nobody is signed in. */
  online(ms = FOR_EVER): Promise<void> {
    const { connection, events } = this;
    if (connection.status === "online") return Promise.resolve();
    if (connection.status === "signedOut") return Promise.reject(connection.error ?? noAnswer());
    return new Promise((resolve, reject) => {
      const end = (error?: ChatError) => {
        clearTimeout(timer);
        stop();
        if (error) reject(error);
        else resolve();
      };
      const stop = events.on("status", (status, error) => {
        if (status === "online") end();
        if (status === "signedOut") end(error ?? noAnswer());
      });
      const timer = setTimeout(() => {
        end(noAnswer());
      }, ms);
    });
  }
}
