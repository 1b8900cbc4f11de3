// Files that are to be sent with the next message of a conversation.

import { ChatError, type Chat, type File as SentFile, type FileAbout } from "@chatserver/client";

import type { Ui } from "./state.js";

/** A file that was chosen, on its way to the server or there. */
export interface Attachment {
  readonly id: string;
  readonly name: string;
  /** In bytes, and how many of them are on their way. */
  readonly size: number;
  readonly sent: number;
  readonly state: "uploading" | "ready" | "failed";
  /** Why it failed. */
  readonly error?: ChatError;
  /** What was chosen, and what it is said to be. */
  readonly source: Blob;
  readonly about: FileAbout;
  /** As the server has it, once it is `ready`. */
  readonly file?: SentFile;
}

type Attached = Pick<Ui, "attachments">;

let count = 0;

export function attachmentActions(
  chat: Chat,
  update: (next: (state: Attached) => Partial<Attached>) => void,
  now: () => Attached,
) {
  const uploads = new Map<string, AbortController>();

  function put(id: string, change: (all: readonly Attachment[]) => readonly Attachment[]): void {
    update(({ attachments }) => {
      const { [id]: all = [], ...rest } = attachments;
      const changed = change(all);
      return { attachments: changed.length ? { ...rest, [id]: changed } : rest };
    });
  }

  const change = (id: string, attachmentId: string, to: Partial<Attachment>) => {
    put(id, (all) => all.map((one) => (one.id === attachmentId ? { ...one, ...to } : one)));
  };

  async function begin(id: string, { id: attachmentId, source, about }: Attachment): Promise<void> {
    const own = new AbortController();
    uploads.set(attachmentId, own);
    try {
      const file = await chat.upload({
        ...about,
        conversationId: id,
        file: source,
        signal: own.signal,
        onProgress: (sent) => {
          change(id, attachmentId, { sent });
        },
      });
      change(id, attachmentId, { state: "ready", sent: source.size, file });
    } catch (error) {
      if (!own.signal.aborted && error instanceof ChatError)
        change(id, attachmentId, { state: "failed", error });
    }
    uploads.delete(attachmentId);
  }

  return {
    /** Uploads a file that is to be sent with the next message of a conversation. Returns the attachment's id. */
    attach(id: string, source: Blob, about: FileAbout = {}): string {
      count += 1;
      const name = about.name ?? (source as { name?: string }).name ?? "file";
      const attachment: Attachment = {
        id: `attachment-${count}`,
        name,
        size: source.size,
        sent: 0,
        state: "uploading",
        source,
        about: { ...about, name },
      };
      put(id, (all) => [...all, attachment]);
      void begin(id, attachment);
      return attachment.id;
    },

    /** Uploads one that failed again. */
    retryAttachment(id: string, attachmentId: string): void {
      const found = now().attachments[id]?.find((one) => one.id === attachmentId);
      if (found?.state !== "failed") return;
      const { error: _, ...rest } = found;
      const again: Attachment = { ...rest, state: "uploading", sent: 0 };
      put(id, (all) => all.map((one) => (one.id === attachmentId ? again : one)));
      void begin(id, again);
    },

    /** Takes one away, whether it is uploaded or not. */
    detach(id: string, attachmentId: string): void {
      const file = now().attachments[id]?.find((one) => one.id === attachmentId)?.file;
      put(id, (all) => all.filter((one) => one.id !== attachmentId));
      uploads.get(attachmentId)?.abort();
      if (file) chat.ask("file:delete", { fileId: file.id }).catch(() => undefined);
    },

    /** Takes those that are there, to be sent. */
    takeAttachments(id: string): readonly SentFile[] {
      const ready = (now().attachments[id] ?? []).filter(({ state }) => state === "ready");
      put(id, (all) => all.filter((one) => !ready.includes(one)));
      return ready.flatMap(({ file }) => file ?? []);
    },
  };
}
