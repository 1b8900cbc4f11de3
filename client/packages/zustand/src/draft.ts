// A state in the making. What is changed is copied once, however many changes are made together.

import { inParts } from "./parts.js";
import type { Domain } from "./state.js";

type Writable<Value> = Value extends readonly (infer Item)[]
  ? Item[]
  : { -readonly [Key in keyof Value]: Value[Key] };
type Maps = {
  [Name in keyof Domain]: Domain[Name] extends Readonly<Record<string, unknown>> ? Name : never;
}[keyof Domain];

export class Draft {
  readonly state: { -readonly [Name in keyof Domain]: Domain[Name] };
  readonly #copied = new Set<unknown>();
  #isOrdered = true;

  constructor(private readonly base: Domain) {
    this.state = { ...base };
  }

  /** A part of the state, to be written to. */
  map<Name extends Maps>(name: Name): Writable<Domain[Name]> {
    const map = this.state[name];
    if (this.#copied.has(map)) return map as Writable<Domain[Name]>;
    const values: Readonly<Record<string, unknown>> = map;
    // The one of which there are thousands.
    const copy = (name === "messagesById" ? inParts(values) : { ...values }) as Domain[Name];
    this.#copied.add(copy);
    this.state[name] = copy;
    return copy as Writable<Domain[Name]>;
  }

  /** The ids of what is shown of a conversation, to be written to. */
  ids(conversationId: string): string[] {
    const found = this.state.messageIdsByConversation[conversationId];
    if (found && this.#copied.has(found)) return found as string[];
    const copy = [...(found ?? [])];
    this.#copied.add(copy);
    this.map("messageIdsByConversation")[conversationId] = copy;
    return copy;
  }

  /** The order of the conversations may be another one. */
  reorder(): void {
    this.#isOrdered = false;
  }

  /** The state that was made: the old one itself, where nothing was changed. */
  done(): Domain {
    if (!this.#isOrdered) {
      const { conversations } = this.state;
      const order = inOrder(this.state);
      const isArchived = (id: string) => conversations[id]?.my_settings.archived === true;
      for (const [name, ids] of [
        ["conversationOrder", order.filter((id) => !isArchived(id))],
        ["archivedOrder", order.filter(isArchived)],
      ] as const) {
        if (!isSame(ids, this.state[name])) this.state[name] = ids;
      }
    }
    const names = Object.keys(this.base) as (keyof Domain)[];
    return names.every((name) => this.base[name] === this.state[name]) ? this.base : this.state;
  }
}

/** The most recently active first; of two the one with the higher id, as the server has it. Without the hidden ones. */
function inOrder({ conversations, hidden }: Domain): string[] {
  return Object.values(conversations)
    .filter(({ id, last_message_id: last }) => hidden[id] === undefined || last !== null)
    .map(({ id, last_message_at: said, created_at: created }) => ({ id, at: said ?? created }))
    .sort((one, other) => compare(other.at, one.at) || compare(other.id, one.id))
    .map(({ id }) => id);
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

function isSame(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((id, place) => id === other[place]);
}
