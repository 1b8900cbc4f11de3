// Web Locks, which Node.js 20 lacks: one holder at a time, in the order in which they asked.

type Grant = () => Promise<void>;

export function fakeLocks() {
  const last = new Map<string, Promise<void>>();
  return {
    async request(
      name: string,
      { signal }: { signal: AbortSignal },
      granted: Grant,
    ): Promise<void> {
      const before = last.get(name) ?? Promise.resolve();
      const mine = before.then(async () => {
        if (signal.aborted) throw signal.reason;
        await granted();
      });
      last.set(
        name,
        mine.catch(() => undefined),
      );
      await mine;
    },
  };
}
