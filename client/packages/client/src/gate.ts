// What stands between the wire and those who listen: every push once, in its order, without gaps.

import type { Answer, Push } from "./types.js";

type Synced = Answer<"chat:sync">;

// More held pushes of one conversation than this are not kept: it is loaded anew.
const MOST_HELD = 1_000;
// The server takes no more positions than this.
const MOST_POSITIONS = 20_000;

export interface GateHooks {
  /** Asks `chat:sync` for a page of events after a seq. */
  sync(conversationId: string, afterSeq: number): Promise<Synced>;
  /** Takes pushes, in order. */
  deliver(pushes: Push[]): void;
  /** Takes the streams of which something is lost, to be loaded anew: ids of conversations, or `me`. */
  lost(streams: string[]): void;
}

interface Place {
  stream: string;
  seq: number;
}

/** Where a push stands, if it is a durable one: in a conversation's log, or in the person's own, `me`. */
function placeOf({ data }: Push): Place | undefined {
  if ("personalSeq" in data) return { stream: "me", seq: data.personalSeq };
  if ("seq" in data && "conversationId" in data)
    return { stream: data.conversationId, seq: data.seq };
  return undefined;
}

/** Whether a push is the first that the person gets of a conversation. */
function begins(push: Push): boolean {
  switch (push.event) {
    case "chat:conversation_created":
    case "group:created":
      return true;
    case "group:member_added":
      return push.data.conversation !== undefined;
    default:
      return false;
  }
}

/** Whether a push is the last that the person gets of a conversation. */
function ends(push: Push, me: string): boolean {
  switch (push.event) {
    case "group:deleted":
      return true;
    case "group:member_removed":
    case "group:member_left":
      return push.data.user.user_id === me;
    default:
      return false;
  }
}

export class Gate {
  /** The log's history that the positions belong to. */
  epoch: string | undefined;
  /** Whether the positions of all conversations are known: the server replays whole what is not among them. */
  complete = false;
  me = "";
  readonly #positions = new Map<string, number>();
  readonly #held = new Map<string, Push[]>();
  // What was held when the link was lost.
  readonly #torn = new Set<string>();
  #link = 0;

  constructor(private readonly hooks: GateHooks) {}

  /** Where to resume, for `auth`; undefined where positions do not say it, and socket.io-client's offset does. */
  get resume(): { epoch: string; [stream: string]: number | string } | undefined {
    const { epoch } = this;
    if (!this.complete || !epoch || !this.#positions.has("me")) return undefined;
    if (this.#positions.size > MOST_POSITIONS) return undefined;
    return { epoch, ...Object.fromEntries(this.#positions) };
  }

  /** A conversation was loaded as it stood at `seq`. What is known already stays: its pushes are on their way. */
  seed(stream: string, seq: number): void {
    if (!this.#positions.has(stream)) this.#positions.set(stream, seq);
  }

  /** Forgets where a stream stands, or all of them. */
  forget(stream?: string): void {
    if (stream !== undefined) {
      this.#positions.delete(stream);
      return;
    }
    this.#positions.clear();
    this.complete = false;
  }

  /** The link is lost, and with it the answers that were waited for. */
  unlink(): void {
    this.#link += 1;
    for (const stream of this.#held.keys()) this.#torn.add(stream);
    this.#held.clear();
  }

  /** Takes what was replayed. It lacks what the person has hidden, so a gap in it is none. */
  replay(pushes: Push[]): void {
    this.hooks.deliver(
      pushes.filter((push) => {
        const place = placeOf(push);
        if (!place) return true;
        if (!this.#advance(place)) return false;
        if (ends(push, this.me)) this.#end(place.stream);
        return true;
      }),
    );
    const torn = [...this.#torn];
    this.#torn.clear();
    if (torn.length) this.#lose(torn);
  }

  /** Takes a push as it comes. */
  live(push: Push): void {
    const place = placeOf(push);
    if (place) {
      const { stream, seq } = place;
      const position = this.#positions.get(stream);
      const whole = begins(push) || ends(push, this.me);
      if (position !== undefined && seq > position + 1 && !whole) {
        this.#hold(stream, position, push);
        return;
      }
      if (!this.#advance(place)) return;
      if (whole) this.#held.delete(stream);
      if (ends(push, this.me)) this.#end(stream);
    }
    this.hooks.deliver([push]);
  }

  #advance({ stream, seq }: Place): boolean {
    const position = this.#positions.get(stream);
    if (position !== undefined && seq <= position) return false;
    this.#positions.set(stream, seq);
    return true;
  }

  #end(stream: string): void {
    this.#held.delete(stream);
    this.#positions.delete(stream);
  }

  #lose(streams: string[]): void {
    for (const stream of streams) this.#end(stream);
    this.hooks.lost(streams);
  }

  #hold(stream: string, position: number, push: Push): void {
    const held = this.#held.get(stream);
    if (held && held.length < MOST_HELD) {
      held.push(push);
    } else if (held || stream === "me") {
      // The personal log has no command that mends it.
      this.#lose([stream]);
    } else {
      this.#held.set(stream, [push]);
      void this.#mend(stream, position);
    }
  }

  async #mend(stream: string, position: number): Promise<void> {
    const link = this.#link;
    const events: Push[] = [];
    try {
      for (let after = position; ;) {
        const page = await this.hooks.sync(stream, after);
        if (link !== this.#link) return;
        if (page.limited) throw new Error("the log does not go back that far");
        events.push(...page.events);
        const last = page.events.at(-1);
        if (!page.hasMore || !last) break;
        after = last.data.seq;
      }
    } catch {
      if (link === this.#link && this.#held.has(stream)) this.#lose([stream]);
      return;
    }
    // Gone where the membership has ended meanwhile.
    const held = this.#held.get(stream);
    if (!held) return;
    this.#held.delete(stream);
    // What neither has is what the person has hidden.
    this.hooks.deliver(
      [...events, ...held].filter((push) => {
        const place = placeOf(push);
        return !place || this.#advance(place);
      }),
    );
  }
}
