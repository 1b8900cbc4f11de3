import { useMessage } from "@chatserver/zustand/react";

import { summaryOf } from "../lib/names.js";
import { useName } from "../lib/parts.js";
import styles from "./Quote.module.css";

/** What a message answers, in two lines. Pressed, it leads there. */
export function Quote({
  id,
  conversationId,
  onJump,
}: {
  id: string;
  conversationId: string;
  onJump: (id: string) => Promise<void>;
}) {
  const message = useMessage(id);
  const name = useName(conversationId, message?.sender_id, message?.sender_username);
  return (
    <button type="button" className={styles.quote} onClick={() => void onJump(id)}>
      <b>
        <span className="visually-hidden">Quoted from </span>
        {message ? name : "An earlier message"}
      </b>
      <span>{message ? summaryOf(message) : "Show it"}</span>
    </button>
  );
}
