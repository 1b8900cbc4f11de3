// Says which conversation the person has in front of them: nobody is notified of what they see.

/** How long changes are collected, in ms: whoever looks through conversations tells of the last one. */
const PAUSE = 300;

export interface FocusHooks {
  isOnline(): boolean;
  tell(conversationId: string | null): Promise<unknown>;
}

export class Focus {
  // What the page has open, and what the session was told: at first nothing is in focus.
  #open: string | null = null;
  #told: string | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #unwatch = (): void => undefined;

  constructor(private readonly hooks: FocusHooks) {}

  /** The page has this conversation open, or none. */
  show(conversationId: string | null): void {
    this.#open = conversationId;
    this.#soon();
  }

  /** A session has begun: it knows of nothing. */
  resume(): void {
    this.#told = null;
    this.#unwatch();
    this.#unwatch = watch(() => {
      this.#soon();
    });
    this.#soon();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#unwatch();
  }

  #soon(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      const now = isInSight() ? this.#open : null;
      if (now === this.#told || !this.hooks.isOnline()) return;
      this.#told = now;
      // Where it fails the session is about to end, or the next change tells it.
      this.hooks.tell(now).catch(() => undefined);
    }, PAUSE);
  }
}

/** Whether the person looks at the page, as far as it can know. Without a page, whoever opens a conversation shows it. */
function isInSight(): boolean {
  if (typeof document === "undefined") return true;
  return document.visibilityState === "visible" && document.hasFocus();
}

/** Calls `changed` where the page comes into sight or leaves it, until what is returned is called. */
function watch(changed: () => void): () => void {
  if (typeof window === "undefined" || typeof document === "undefined") return () => undefined;
  const events = ["focus", "blur"] as const;
  for (const event of events) window.addEventListener(event, changed);
  document.addEventListener("visibilitychange", changed);
  return () => {
    for (const event of events) window.removeEventListener(event, changed);
    document.removeEventListener("visibilitychange", changed);
  };
}
