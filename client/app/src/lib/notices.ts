// What is told to the person in passing: refusals, and what screen readers say.

import { ChatError } from "@chatserver/client";
import { create } from "zustand";

interface Notices {
  /** Shown for a while. */
  readonly shown: { readonly id: number; readonly text: string } | null;
  /** Said by screen readers. */
  readonly said: string;
}

export const useNotices = create<Notices>()(() => ({ shown: null, said: "" }));

let count = 0;

/** Shows a sentence for a few seconds. */
export function notify(text: string): void {
  count += 1;
  const id = count;
  useNotices.setState({ shown: { id, text } });
  setTimeout(() => {
    useNotices.setState(({ shown }) => (shown?.id === id ? { shown: null } : {}));
  }, 6_000);
}

export function dismiss(): void {
  useNotices.setState({ shown: null });
}

/** Why something was refused, for people. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof ChatError)) return "That did not work.";
  const [field, [reason] = []] = Object.entries(error.fields ?? {})[0] ?? [];
  if (field && reason) return `${error.message}: ${reason}`;
  return error.details ? `${error.message}: ${error.details}` : error.message;
}

/** Does something, and shows why where it is refused. Gives whether it was done. */
export async function attempt(work: Promise<unknown>): Promise<boolean> {
  try {
    await work;
    return true;
  } catch (error) {
    notify(reasonOf(error));
    return false;
  }
}

const MANY = 3;
const WHILE = 2_000;
let recent: number[] = [];
let pending: ReturnType<typeof setTimeout> | undefined;

/** Says what has come. More than three in two seconds become a count. */
export function say(text: string): void {
  const now = Date.now();
  recent = [...recent.filter((at) => now - at < WHILE), now];
  if (recent.length <= MANY) {
    useNotices.setState({ said: text });
    return;
  }
  clearTimeout(pending);
  pending = setTimeout(() => {
    useNotices.setState({ said: `${recent.length} new messages` });
  }, 500);
}
