// Which conversation is open, as the address says it: so that Back leads out of it.

import { useSyncExternalStore } from "react";

const PREFIX = "#/c/";
const listeners = new Set<() => void>();

function subscribe(changed: () => void): () => void {
  listeners.add(changed);
  addEventListener("popstate", changed);
  addEventListener("hashchange", changed);
  return () => {
    listeners.delete(changed);
    removeEventListener("popstate", changed);
    removeEventListener("hashchange", changed);
  };
}

/** The id of the conversation that is open, outside of components. */
export function current(): string | null {
  return location.hash.startsWith(PREFIX)
    ? decodeURIComponent(location.hash.slice(PREFIX.length)) || null
    : null;
}

/** The id of the conversation that is open. */
export function useRoute(): string | null {
  return useSyncExternalStore(subscribe, current);
}

export function addressOf(id: string): string {
  return PREFIX + encodeURIComponent(id);
}

/** Opens a conversation, or the list. */
export function go(id: string | null): void {
  if (id === current()) return;
  if (id === null) history.pushState(null, "", location.pathname);
  // From one to another Back leads to the list all the same.
  else if (current() === null) history.pushState(null, "", addressOf(id));
  else history.replaceState(null, "", addressOf(id));
  for (const changed of listeners) changed();
}
