type Listener<Args extends unknown[]> = (...args: Args) => void;

/** Calls those who listen. One that throws is reported as uncaught, and the others are called all the same. */
export class Emitter<Events extends { [name in keyof Events]: unknown[] }> {
  readonly #listeners: { [E in keyof Events]?: Set<Listener<Events[E]>> } = {};

  /** Calls `listener` from now on. Returns what ends that. */
  on<E extends keyof Events>(event: E, listener: Listener<Events[E]>): () => void {
    const listeners = (this.#listeners[event] ??= new Set());
    // Its own function, so that the same listener may be given twice.
    const own: Listener<Events[E]> = (...args) => {
      listener(...args);
    };
    listeners.add(own);
    return () => void listeners.delete(own);
  }

  emit<E extends keyof Events>(event: E, ...args: Events[E]): void {
    for (const listener of [...(this.#listeners[event] ?? [])]) {
      try {
        listener(...args);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
