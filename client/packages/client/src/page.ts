// What a browser's page tells of itself. In Node.js there is none of it, and nothing happens.

/** How long a page may be hidden before it needs no connection, in ms. */
const HIDDEN = 5 * 60_000;

export interface PageHooks {
  /** The page is back, or the network is: look at the connection. */
  wake: () => void;
  /** The page was hidden for long. */
  sleep: () => void;
  /** The device has no network. */
  unplug: () => void;
}

/** Whether the device says that it has no network. */
export function isUnplugged(): boolean {
  return typeof window !== "undefined" && !navigator.onLine;
}

/** Tells of the page until what is returned is called. */
export function watchPage({ wake, sleep, unplug }: PageHooks): () => void {
  if (typeof window === "undefined" || typeof document === "undefined") return () => undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const seen = () => {
    clearTimeout(timer);
    if (document.visibilityState === "hidden") timer = setTimeout(sleep, HIDDEN);
    else wake();
  };
  const shown = (event: PageTransitionEvent) => {
    // Out of the back-forward cache, in which sockets die.
    if (event.persisted) wake();
  };
  window.addEventListener("online", wake);
  window.addEventListener("offline", unplug);
  window.addEventListener("pageshow", shown);
  document.addEventListener("visibilitychange", seen);
  return () => {
    clearTimeout(timer);
    window.removeEventListener("online", wake);
    window.removeEventListener("offline", unplug);
    window.removeEventListener("pageshow", shown);
    document.removeEventListener("visibilitychange", seen);
  };
}
