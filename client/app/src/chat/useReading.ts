import { useChatActions, useChatStore } from "@chatserver/zustand/react";
import type { Virtualizer } from "@tanstack/react-virtual";
import { useEffect } from "react";

import { useEvent } from "../lib/hooks.js";
import type { Row } from "./rows.js";

/** How much of a message may be below the edge, in px. */
const SLACK = 12;

/**
 * Says what the person has read: what is in sight, while the page is visible and has the focus. Returns what looks again,
 * for when the list was scrolled.
 */
export function useReading(
  id: string,
  rows: readonly Row[],
  list: Virtualizer<HTMLDivElement, Element>,
): () => void {
  const store = useChatStore();
  const { read } = useChatActions();

  const look = useEvent(() => {
    if (document.visibilityState !== "visible" || !document.hasFocus()) return;
    const { conversations, messagesById, me } = store.getState();
    const conversation = conversations[id];
    const bottom = (list.scrollOffset ?? 0) + (list.scrollRect?.height ?? 0) + SLACK;
    if (!conversation || !list.scrollRect?.height) return;
    let seq = 0;
    for (const { index, end } of list.getVirtualItems()) {
      const row = rows[index];
      if (row?.kind !== "message" || end > bottom) continue;
      const message = messagesById[row.id];
      if (message && !message.pending && message.seq > seq) seq = message.seq;
    }
    const mine = conversation.participants.find(({ user_id: user }) => user === me);
    if (seq > (mine?.read_seq ?? 0) && conversation.unread_count > 0) read(id, seq);
  });

  useEffect(() => {
    // Once the list stands where it is to stand.
    const frame = requestAnimationFrame(() => requestAnimationFrame(look));
    return () => cancelAnimationFrame(frame);
  }, [rows, look]);

  useEffect(() => {
    addEventListener("focus", look);
    document.addEventListener("visibilitychange", look);
    return () => {
      removeEventListener("focus", look);
      document.removeEventListener("visibilitychange", look);
    };
  }, [look]);
  return look;
}
