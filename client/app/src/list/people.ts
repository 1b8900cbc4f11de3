// The people whom this page knows of: those of the conversations, and in the demo its own.

import { useChat } from "@chatserver/zustand/react";
import { useMemo } from "react";

import { DEMO, useSession } from "../session.js";

export interface Known {
  readonly id: string;
  readonly name: string;
  readonly url: string | null;
}

/** Everybody whom a conversation or a group may be begun with, by name. */
export function usePeople(): readonly Known[] {
  const conversations = useChat((state) => state.conversations);
  const me = useChat((state) => state.me);
  const isDemo = useSession((state) => (state.session?.demo ?? null) !== null);
  return useMemo(() => {
    const people = new Map<string, Known>();
    if (isDemo) {
      for (const id of DEMO) {
        people.set(id, { id, name: id.slice(0, 1).toUpperCase() + id.slice(1), url: null });
      }
    }
    for (const { participants } of Object.values(conversations)) {
      for (const { user_id: id, display_name: name, avatar_url: url } of participants) {
        people.set(id, { id, name, url });
      }
    }
    if (me !== null) people.delete(me);
    return [...people.values()].sort((one, other) => one.name.localeCompare(other.name));
  }, [conversations, me, isDemo]);
}

/** Those whose name or id has these letters. */
export function matching(people: readonly Known[], query: string): readonly Known[] {
  const wanted = query.trim().toLowerCase();
  return people
    .filter(({ id, name }) => `${name} ${id}`.toLowerCase().includes(wanted))
    .slice(0, 50);
}

/** Whom a text names: somebody who is known by that name or id, or else an id that the server may know. */
export function named(people: readonly Known[], text: string): string {
  const wanted = text.trim();
  const found = people.find(
    ({ id, name }) => id === wanted || name.toLowerCase() === wanted.toLowerCase(),
  );
  return found?.id ?? wanted;
}
