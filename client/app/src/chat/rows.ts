// What is shown of a conversation, row by row: messages, the days between them, and where the unread ones begin.

import { rowKey, type ShownMessage } from "@chatserver/zustand";

import { dayOf } from "../lib/time.js";

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

/** The rows of these messages. `isWhole`: there are none before them. */
export function rowsOf(
  ids: readonly string[],
  messages: Readonly<Record<string, ShownMessage>>,
  me: string | null,
  line: Line | null,
  isWhole: boolean,
): readonly Row[] {
  const rows: Row[] = [];
  let day = "";
  let isLined = line === null;
  const shown = ids.map((id) => messages[id]).filter((message) => message !== undefined);
  for (const [index, message] of shown.entries()) {
    if (index === 0 && !isWhole && shown.length > 1 && !message.pending) {
      // Whether it begins a day or a group only the page before it can tell. Shown once that is here, no row changes.
      day = dayOf(message.created_at);
      continue;
    }
    const label = dayOf(message.created_at);
    if (label !== day) {
      day = label;
      rows.push({ kind: "day", key: `day:${label}`, label });
    }
    let isBroken = false;
    if (
      !isLined &&
      line &&
      !message.pending &&
      message.sender_id !== me &&
      message.seq > line.afterSeq
    ) {
      isLined = true;
      isBroken = true;
      // Where nothing that was read is loaded, more that is unread may come before.
      if (isWhole || (shown[0]?.seq ?? 0) <= line.afterSeq) {
        rows.push({ kind: "unread", key: "unread", count: line.count });
      }
    }
    rows.push({
      kind: "message",
      key: rowKey(message, me),
      id: message.id,
      position: index + 1,
      isFirst: isBroken || !belong(shown[index - 1], message),
      isLast: !belong(message, shown[index + 1]),
    });
  }
  return rows;
}
