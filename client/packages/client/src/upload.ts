// Uploads a file: asks where to, sends its bytes, and says that they are there.

import { ChatError, noAnswer } from "./errors.js";
import type { Failure, File as SentFile, FileCreate, Upload } from "./events.js";
import { newId } from "./ids.js";
import type { Answer, Asked, Command } from "./types.js";

/** What is said of a file, where it is known. What the server finds out by itself counts more. */
export type FileAbout = Pick<FileCreate, "width" | "height" | "duration" | "waveform"> & {
  /** That of a `File` where it is left out. */
  name?: string;
};

/** A file to upload, to be sent to a conversation. */
export interface UploadOptions extends FileAbout {
  conversationId: string;
  file: Blob;
  /** Told how many of its bytes are on their way, again and again. */
  onProgress?: (sent: number, size: number) => void;
  /** Ends it: what is there of the file is deleted, and the promise rejects with the signal's reason. */
  signal?: AbortSignal;
}

export interface UploadHooks {
  ask<C extends Command>(command: C, ...payload: Asked<C>): Promise<Answer<C>>;
  /** Settles when a session stands. */
  online(): Promise<void>;
}

/** So often it is tried, while there is a link. */
const ATTEMPTS = 5;
/** After an attempt that failed, in ms; twice as long each time. */
const FIRST_WAIT = 1_000;

/** Why a file that is there may not be sent. */
const REFUSED = {
  code: "CONFLICT",
  message: "The file was refused: it may do harm, or is not what it seems",
  retryable: false,
} as const;

/**
 * Uploads a file, and gives it as it may be sent. Where the link is lost it goes on when that is back.
 *
 * @throws ChatError why it was refused.
 */
export async function upload(
  url: string,
  hooks: UploadHooks,
  { conversationId, file, onProgress, signal, name, ...about }: UploadOptions,
): Promise<SentFile> {
  const asked = {
    conversationId,
    name: name ?? (file as { name?: string }).name ?? "file",
    size: file.size,
    type: file.type,
    ...about,
  };
  let requestId = newId();
  let fileId: string | undefined;
  try {
    for (let attempt = 1; ; attempt += 1) {
      try {
        signal?.throwIfAborted();
        const made = await hooks.ask("file:create", { ...asked, requestId });
        fileId = made.file.id;
        const to = { ...made.upload, url: new URL(made.upload.url, url).href };
        await put(to, file, onProgress, signal);
        signal?.throwIfAborted();
        const done = (await hooks.ask("file:complete", { fileId })).file;
        if (done.state === "refused") throw new ChatError(REFUSED);
        return done;
      } catch (error) {
        signal?.throwIfAborted();
        const isOver = error instanceof ChatError && error.code === "RESOURCE_NOT_FOUND" && fileId;
        const mayPass = error instanceof ChatError && (error.retryable || isOver);
        if (!mayPass || attempt === ATTEMPTS) throw error;
        // The address holds for a while alone.
        if (isOver) [requestId, fileId] = [newId(), undefined];
        const wait = error.retryAfter ?? (FIRST_WAIT * 2 ** (attempt - 1)) / 1_000;
        await until(new Promise((resolve) => setTimeout(resolve, wait * 1_000)), signal);
        await until(hooks.online(), signal);
      }
    }
  } catch (error) {
    if (fileId !== undefined) hooks.ask("file:delete", { fileId }).catch(() => undefined);
    throw error;
  }
}

/** Waits, or until the signal is given. */
async function until(what: Promise<unknown>, signal: AbortSignal | undefined): Promise<void> {
  let stop = (): void => undefined;
  const aborted = new Promise<void>((resolve) => {
    stop = resolve;
    signal?.addEventListener("abort", stop);
  });
  await Promise.race([what, aborted]);
  signal?.removeEventListener("abort", stop);
  signal?.throwIfAborted();
}

async function put(
  { method, url, headers }: Upload,
  body: Blob,
  onProgress: UploadOptions["onProgress"],
  signal: AbortSignal | undefined,
): Promise<void> {
  if (typeof XMLHttpRequest === "undefined") {
    const init = { method, headers, body, ...(signal && { signal }) };
    const answer = await fetch(url, init).catch(() => {
      throw noAnswer();
    });
    if (!answer.ok) throw refusal(answer.status, await answer.text());
    onProgress?.(body.size, body.size);
    return;
  }
  // Only this tells how much of it is on its way.
  const request = new XMLHttpRequest();
  const abort = () => {
    request.abort();
  };
  try {
    await new Promise<void>((resolve, reject) => {
      request.open(method, url);
      for (const [header, value] of Object.entries(headers))
        request.setRequestHeader(header, value);
      request.upload.onprogress = ({ loaded }) => onProgress?.(loaded, body.size);
      request.onload = () => {
        if (request.status < 300) resolve();
        else reject(refusal(request.status, request.responseText));
      };
      request.onerror = request.onabort = () => reject(noAnswer());
      signal?.addEventListener("abort", abort);
      request.send(body);
    });
  } finally {
    signal?.removeEventListener("abort", abort);
  }
}

/** Why bytes were not taken: the server's own words, or a bucket's status. */
function refusal(status: number, text: string): ChatError {
  try {
    const { error } = JSON.parse(text) as { error?: Failure };
    if (error?.code) return new ChatError(error);
  } catch {
    // A bucket answers in XML.
  }
  return new ChatError({
    code: status === 404 || status === 403 ? "RESOURCE_NOT_FOUND" : "UNAVAILABLE",
    message: `The file was not taken (${status.toString()})`,
    retryable: status >= 500 || status === 429 || status === 408,
  });
}
