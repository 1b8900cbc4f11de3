import { useChatStore } from "@chatserver/zustand/react";
import { useEffect } from "react";

import { choosePush, usePush, watchPush } from "../lib/push.js";
import styles from "./AskToNotify.module.css";
import { Button } from "./Button.js";

/** Asks whether to notify, after the person has sent a message. */
export function AskToNotify() {
  const { chat } = useChatStore();
  const asks = usePush((state) => state.asks);
  useEffect(() => watchPush(chat), [chat]);
  if (!asks) return null;
  return (
    <aside className={styles.ask} aria-label="Notifications of new messages">
      <p>Shall this device tell you of new messages while the chat is closed?</p>
      <Button onClick={() => void choosePush(chat, false)}>Not now</Button>
      <Button kind="main" onClick={() => void choosePush(chat, true)}>
        Notify me
      </Button>
    </aside>
  );
}
