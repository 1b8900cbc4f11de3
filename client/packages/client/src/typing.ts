// Says that the person is typing: no more often than the server passes it on.

export class Typing {
  /** In ms; the session says it. */
  interval = 1_000;
  // When it was said last, by conversation.
  readonly #said = new Map<string, number>();

  constructor(private readonly tell: (conversationId: string, isTyping: boolean) => void) {}

  /** Call it for every key: a second `true` within the interval is not sent, nor a `false` that follows none. */
  type(conversationId: string, isTyping: boolean): void {
    const now = Date.now();
    if (isTyping) {
      if (now - (this.#said.get(conversationId) ?? -Infinity) < this.interval) return;
      this.#said.set(conversationId, now);
    } else if (!this.#said.delete(conversationId)) {
      return;
    }
    this.tell(conversationId, isTyping);
  }

  /** The link is lost: others were told nothing that still holds. */
  forget(): void {
    this.#said.clear();
  }
}
