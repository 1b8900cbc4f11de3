// What files are called, and what they are.

import type { File as SentFile } from "@chatserver/client";

const UNITS = ["B", "kB", "MB", "GB"] as const;

/** A size as people read it. */
export function sizeOf(bytes: number): string {
  let size = bytes;
  let unit = 0;
  while (size >= 1_000 && unit < UNITS.length - 1) {
    size /= 1_000;
    unit += 1;
  }
  return `${size < 10 && unit > 0 ? size.toFixed(1) : Math.round(size)} ${UNITS[unit] ?? ""}`;
}

/** How long something takes, in minutes and seconds. */
export function timeOf(ms: number): string {
  const seconds = Math.floor(ms / 1_000);
  return `${Math.floor(seconds / 60)}:${(seconds % 60).toString().padStart(2, "0")}`;
}

export function isImage({ type, state }: SentFile): boolean {
  return type.startsWith("image/") && state === "ready";
}

/** Whether it is played in its place: a voice message. */
export function isVoice({ type, state, duration }: SentFile): boolean {
  return (
    duration !== null &&
    /^(?:audio|video)\/(?:webm|ogg|mp4|mpeg|aac|wav)/u.test(type) &&
    state === "ready"
  );
}

/** Files in one line. */
export function filesInWords(files: readonly SentFile[]): string {
  const [first] = files;
  if (!first) return "";
  if (files.length === 1 && isVoice(first)) return `Voice message, ${timeOf(first.duration ?? 0)}`;
  const images = files.every(({ type }) => type.startsWith("image/"));
  if (images) return files.length === 1 ? "Picture" : `${files.length} pictures`;
  return files.length === 1 ? first.name : `${files.length} files`;
}
