// What the generated events say of commands and pushes, one by one.

import type { ClientToServerEvents, ServerToClientEvents } from "./events.js";

/** The name of a command. */
export type Command = keyof ClientToServerEvents;

type Arguments<C extends Command> = Parameters<ClientToServerEvents[C]>;
type AckOf<A> = A extends [...unknown[], (ack: infer Given) => void] ? Given : never;

/** What a command takes. */
export type Payload<C extends Command> = Extract<Arguments<C>, [unknown, unknown]>[0];

/** What a command answers once it is done. */
export type Answer<C extends Command> = Extract<AckOf<Arguments<C>>, { success: true }>;

/** The payload as an argument, which may be left out where a command needs none. */
export type Asked<C extends Command> = [Extract<Arguments<C>, [unknown]>] extends [never]
  ? [payload: Payload<C>]
  : [payload?: Payload<C>];

/** Every push, with the data that it carries. */
export type Push = {
  [E in keyof ServerToClientEvents]: {
    event: E;
    data: Parameters<ServerToClientEvents[E]>[0];
  };
}[keyof ServerToClientEvents];

/** The data of one push. */
export type PushData<E extends Push["event"]> = Extract<Push, { event: E }>["data"];

/**
 * How the connection stands: `connecting` now, `online`, `waiting` for the next attempt, `offline` (closed, hidden for
 * long, or the device has no network), or `signedOut` (the server refused the token, and a fresh one, too).
 */
export type Status = "connecting" | "online" | "offline" | "waiting" | "signedOut";
