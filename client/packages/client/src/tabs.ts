// Several pages of one person share a storage: one of them empties the outbox, and they tell each other of changes.

/** What pages tell each other. */
export type Told =
  // An entry of the outbox is new or another one.
  | { kind: "changed"; id: string }
  // It is in the outbox no more: sent, or discarded.
  | { kind: "removed"; id: string; isSent: boolean }
  // A value that an application keeps has changed.
  | { kind: "kept"; key: string };

export interface Tabs {
  /** Whether this page is the one that empties the outbox. */
  readonly leads: boolean;
  /** Asks to lead, once others do not, or gives the lead to another page. */
  stand(wanted: boolean): void;
  tell(what: Told): void;
  close(): void;
}

export interface TabsHooks {
  /** This page leads from now on. */
  lead(): void;
  hear(what: Told): void;
}

/** Joins the pages that share the storage of this name; without a name there is nobody to share with. */
export function joinTabs(name: string | undefined, hooks: TabsHooks): Tabs {
  const locks =
    name !== undefined && typeof navigator !== "undefined" ? navigator.locks : undefined;
  const channel =
    name !== undefined && typeof BroadcastChannel === "function"
      ? new BroadcastChannel(`chatserver:${name}`)
      : undefined;
  if (channel) {
    channel.onmessage = ({ data }: MessageEvent<Told>) => {
      hooks.hear(data);
    };
    // In Node.js it would keep the process.
    (channel as { unref?: () => void }).unref?.();
  }

  let leads = false;
  let wish: AbortController | undefined;
  let release = (): void => undefined;

  function stand(wanted: boolean): void {
    if (!wanted) {
      leads = false;
      wish?.abort();
      wish = undefined;
      release();
      return;
    }
    if (leads || wish) return;
    if (!locks) {
      leads = true;
      hooks.lead();
      return;
    }
    const own = (wish = new AbortController());
    locks
      .request(`chatserver:${name ?? ""}`, { signal: own.signal }, async () => {
        if (own.signal.aborted) return;
        leads = true;
        const held = new Promise<void>((resolve) => {
          release = resolve;
        });
        hooks.lead();
        await held;
      })
      .catch(() => undefined);
  }

  return {
    get leads() {
      return leads;
    },
    stand,
    tell: (what) => channel?.postMessage(what),
    close: () => {
      stand(false);
      channel?.close();
    },
  };
}
