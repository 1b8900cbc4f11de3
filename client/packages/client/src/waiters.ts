// Those who wait for messages to be sent.

import type { ChatError } from "./errors.js";
import type { Message } from "./events.js";

interface Waiter {
  resolve(message: Message): void;
  reject(error: ChatError): void;
}

export class Waiters {
  readonly #waiting = new Map<string, Waiter>();

  /** A promise of the message as the server will have it. Whoever does not look at it hears of it by the outbox. */
  add(clientMessageId: string): Promise<Message> {
    const sent = new Promise<Message>((resolve, reject) => {
      this.#waiting.set(clientMessageId, { resolve, reject });
    });
    sent.catch(() => undefined);
    return sent;
  }

  /** The server has the message. */
  resolve(clientMessageId: string, message: Message): void {
    this.#take(clientMessageId)?.resolve(message);
  }

  /** The message is not sent, for good. */
  reject(clientMessageId: string, error: ChatError): void {
    this.#take(clientMessageId)?.reject(error);
  }

  #take(clientMessageId: string): Waiter | undefined {
    const waiter = this.#waiting.get(clientMessageId);
    this.#waiting.delete(clientMessageId);
    return waiter;
  }
}
