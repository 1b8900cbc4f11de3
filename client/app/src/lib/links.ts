// Personal addresses of files, which hold for a minute: asked for together, and kept until shortly before they end.

import type { Chat, FileLink } from "@chatserver/client";
import { useChatStore } from "@chatserver/zustand/react";
import { useEffect, useRef, useState } from "react";

/** So many are asked for at once. */
const MOST = 50;
/** So long before its end a link is of no use any more, and so long it holds at most, in ms. */
const SPARE = 10_000;
const LONGEST = 60_000;
const YOUNG = 30_000;

interface Kept {
  readonly link: FileLink;
  readonly until: number;
}

/** Gives links, for one chat. */
class Links {
  readonly #kept = new Map<string, Kept>();
  readonly #wanted = new Map<string, Promise<FileLink | null>>();
  #batch: { ids: string[]; answer: Promise<Record<string, FileLink>> } | undefined;

  constructor(private readonly chat: Chat) {}

  /** Gives a link that holds; null where the file may not be seen, or nobody answers. `fresh`: the last one did not. */
  get(id: string, fresh = false): Promise<FileLink | null> {
    const kept = this.#kept.get(id);
    if (kept && kept.until > Date.now() && !fresh) return Promise.resolve(kept.link);
    const wanted = this.#wanted.get(id);
    if (wanted) return wanted;
    const asked = this.#ask(id)
      .then((link) => {
        if (!link) return null;
        const until = Math.min(Date.parse(link.expires_at), Date.now() + LONGEST) - SPARE;
        this.#kept.set(id, { link, until });
        return link;
      })
      .catch(() => null)
      .finally(() => this.#wanted.delete(id));
    this.#wanted.set(id, asked);
    return asked;
  }

  /** Asks for it together with all that is asked for before the next frame or so. */
  async #ask(id: string): Promise<FileLink | undefined> {
    if (!this.#batch || this.#batch.ids.length >= MOST) {
      const ids: string[] = [];
      const answer = new Promise((resolve) => setTimeout(resolve, 10)).then(async () => {
        if (this.#batch?.ids === ids) this.#batch = undefined;
        const { links } = await this.chat.ask("file:links", { fileIds: ids });
        return Object.fromEntries(
          Object.entries(links).map(([of, link]) => [of, this.#absolute(link)]),
        );
      });
      this.#batch = { ids, answer };
    }
    const { ids, answer } = this.#batch;
    ids.push(id);
    return (await answer)[id];
  }

  /** A link whose addresses lead to the server, wherever the page is from. */
  #absolute(link: FileLink): FileLink {
    const absolute = (address: string) => new URL(address, this.chat.url).href;
    return {
      ...link,
      url: absolute(link.url),
      thumb_url: link.thumb_url === null ? null : absolute(link.thumb_url),
    };
  }
}

const all = new WeakMap<Chat, Links>();

function linksOf(chat: Chat): Links {
  const found = all.get(chat) ?? new Links(chat);
  all.set(chat, found);
  return found;
}

/**
 * A link to a file, once there is one, and what asks for another where it does not hold any more. That returns false
 * where the link is a young one: what it does not lead to is not there.
 */
export function useLink(fileId: string, isWanted = true): [FileLink | null, () => boolean] {
  const { chat } = useChatStore();
  const [link, setLink] = useState<FileLink | null>(null);
  const [fresh, setFresh] = useState(0);
  const given = useRef(0);
  useEffect(() => {
    if (!isWanted) return;
    let isOver = false;
    void linksOf(chat)
      .get(fileId, fresh > 0)
      .then((found) => {
        if (isOver) return;
        given.current = Date.now();
        setLink(found);
      });
    return () => {
      isOver = true;
    };
  }, [chat, fileId, isWanted, fresh]);
  const renew = () => {
    if (Date.now() - given.current < YOUNG) return false;
    setFresh((count) => count + 1);
    return true;
  };
  return [link, renew];
}

/** What is served as this is saved wherever it is from; a browser would show the other types, and leave the page for them. */
const OPAQUE = "application/octet-stream";

/** Saves a file, under its own name. Returns whether it could be had. */
export async function download(
  chat: Chat,
  file: { id: string; name: string; type: string },
): Promise<boolean> {
  const link = await linksOf(chat).get(file.id);
  if (!link) return false;
  if (file.type === OPAQUE) {
    save(link.url, file.name);
    return true;
  }
  // Browsers pass over `download` where an address leads elsewhere, as to a bucket.
  const bytes = await fetch(link.url)
    .then((answer) => (answer.ok ? answer.blob() : null))
    .catch(() => null);
  if (!bytes) return false;
  const address = URL.createObjectURL(bytes);
  save(address, file.name);
  setTimeout(() => {
    URL.revokeObjectURL(address);
  }, LONGEST);
  return true;
}

function save(address: string, name: string): void {
  const anchor = document.createElement("a");
  anchor.href = address;
  anchor.download = name;
  anchor.rel = "noopener";
  anchor.click();
}
