// What is shown of a conversation, row by row: messages, the days between them, and where the unread ones begin.

import { rowKey, type ShownMessage } from "@chatserver/zustand";

import { dayOf, today } from "../lib/time.js";

export type Row =
  | { readonly kind: "day"; readonly key: string; readonly label: string }
  | { readonly kind: "unread"; readonly key: "unread"; readonly count: number }
  | {
      readonly kind: "message";
      readonly key: string;
      readonly id: string;
      /** Which message of those that are loaded it is, from 1. */
      readonly position: number;
      /** It begins a group of messages of one sender, or ends it. */
      readonly isFirst: boolean;
      readonly isLast: boolean;
    };

/** Where the unread messages begin, as it was when the conversation was opened. */
export interface Line {
  readonly afterSeq: number;
  readonly count: number;
}

/** Messages of one sender within so many ms are a group. */
const TOGETHER = 5 * 60_000;

function belong(one: ShownMessage | undefined, other: ShownMessage | undefined): boolean {
  if (!one || !other) return false;
  return (
    one.sender_id === other.sender_id &&
    one.message_type !== "system" &&
    other.message_type !== "system" &&
    one.is_announcement === other.is_announcement &&
    Date.parse(other.created_at) - Date.parse(one.created_at) < TOGETHER &&
    dayOf(one.created_at) === dayOf(other.created_at)
  );
}

/** Makes the rows of a conversation, again and again, as more of it comes and goes. */
export class Rows {
  #ids: readonly string[] = [];
  #messages: readonly ShownMessage[] = [];
  #rows: readonly Row[] = [];
  // By message, how many rows there are before those that it brings.
  #starts: readonly number[] = [];
  // The message that the unread ones begin with.
  #linedAt = Infinity;
  #rest: readonly unknown[] = [];

  /**
   * The rows of these messages: made anew from the first one that is another. What a message says changes no row.
   *
   * @param isWhole there are no messages before these
   */
  of(
    ids: readonly string[],
    messages: Readonly<Record<string, ShownMessage>>,
    me: string | null,
    line: Line | null,
    isWhole: boolean,
  ): readonly Row[] {
    // At midnight days are called something else.
    const rest = [me, line, isWhole, today()];
    const isAnother = rest.some((value, index) => value !== this.#rest[index]);
    // The last one that is the same ends a group, or not, by the one behind it.
    const from = isAnother ? 0 : Math.max(0, sameUntil(ids, this.#ids) - 1);
    const shown = this.#messages.slice(0, from);
    for (let index = from; index < ids.length; index += 1) {
      const message = messages[ids[index] ?? ""];
      if (message) shown.push(message);
    }
    const rows = this.#rows.slice(0, this.#starts[from] ?? 0);
    const starts = this.#starts.slice(0, from);
    let day = "";
    let linedAt = this.#linedAt < from ? this.#linedAt : Infinity;
    const before = shown[from - 1];
    if (before) day = dayOf(before.created_at);
    for (let index = from; index < shown.length; index += 1) {
      const message = shown[index];
      if (!message) continue;
      starts.push(rows.length);
      const label = dayOf(message.created_at);
      if (index === 0 && !isWhole && shown.length > 1 && !message.pending) {
        // Whether it begins a day or a group only the page before it can tell. Shown once that is here, no row changes.
        day = label;
        continue;
      }
      if (label !== day) {
        day = label;
        rows.push({ kind: "day", key: `day:${label}`, label });
      }
      const isLined = line !== null && linedAt > index && isUnread(message, me, line);
      if (isLined) {
        linedAt = index;
        // Where nothing that was read is loaded, more that is unread may come before.
        if (isWhole || (shown[0]?.seq ?? 0) <= line.afterSeq)
          rows.push({ kind: "unread", key: "unread", count: line.count });
      }
      rows.push({
        kind: "message",
        key: rowKey(message, me),
        id: message.id,
        position: index + 1,
        isFirst: isLined || !belong(shown[index - 1], message),
        isLast: !belong(message, shown[index + 1]),
      });
    }
    this.#ids = shown.length === ids.length ? ids : shown.map(({ id }) => id);
    this.#messages = shown;
    this.#rows = rows;
    this.#starts = starts;
    this.#linedAt = linedAt;
    this.#rest = rest;
    return rows;
  }
}

function isUnread(message: ShownMessage, me: string | null, { afterSeq }: Line): boolean {
  return !message.pending && message.sender_id !== me && message.seq > afterSeq;
}

/** How many are the same from the beginning. */
function sameUntil(one: readonly string[], other: readonly string[]): number {
  const most = Math.min(one.length, other.length);
  let same = 0;
  while (same < most && one[same] === other[same]) same += 1;
  return same;
}
