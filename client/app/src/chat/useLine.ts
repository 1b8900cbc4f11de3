import { useChatStore, useWindow } from "@chatserver/zustand/react";
import { useState } from "react";

import type { Line } from "./rows.js";

/**
 * Where the unread messages of a conversation begin, as it was when it was opened, or when what is loaded of it last began
 * anew: what the device kept does not know what came since.
 */
export function useLine(id: string): Line | null {
  const store = useChatStore();
  const generation = useWindow(id)?.generation ?? 0;

  function now(): Line | null {
    const { conversations, me } = store.getState();
    const conversation = conversations[id];
    const mine = conversation?.participants.find(({ user_id: user }) => user === me);
    if (!conversation?.unread_count || !mine) return null;
    return { afterSeq: mine.read_seq, count: conversation.unread_count };
  }

  const [line, setLine] = useState(now);
  const [seen, setSeen] = useState(generation);
  if (seen !== generation) {
    setSeen(generation);
    // What was unread before stays marked where all has been read.
    setLine(now() ?? line);
  }
  return line;
}
