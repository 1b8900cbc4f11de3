import { useChat } from "@chatserver/zustand/react";
import { Pin } from "lucide-react";

import { summaryOf } from "../lib/names.js";
import styles from "./PinnedBar.module.css";

/** The last pinned message of those that are loaded. Pressed, it leads there. */
export function PinnedBar({ id, onJump }: { id: string; onJump: (messageId: string) => void }) {
  const message = useChat(({ messageIdsByConversation, messagesById }) => {
    const found = messageIdsByConversation[id]?.findLast((one) => messagesById[one]?.is_pinned);
    return found === undefined ? undefined : messagesById[found];
  });
  if (!message) return null;
  return (
    <button type="button" className={styles.bar} onClick={() => onJump(message.id)}>
      <Pin />
      <b>Pinned</b>
      <span>{summaryOf(message)}</span>
    </button>
  );
}
