import { useChatStore } from "@chatserver/zustand/react";
import type { ShownMessage } from "@chatserver/zustand";

import styles from "./NotSent.module.css";

/** A message that was refused: why, and what may be done about it. */
export function NotSent({ message }: { message: ShownMessage }) {
  const { chat } = useChatStore();
  const error = message.pending?.error;
  return (
    <p className={styles.line}>
      {error && <span>{error.details ?? error.message}</span>}
      <button
        type="button"
        className={styles.retry}
        aria-label="Not sent. Retry"
        onClick={() => chat.outbox.retry(message.id)}
      >
        Not sent · Retry
      </button>
      <button type="button" onClick={() => chat.outbox.discard(message.id)}>
        Discard
      </button>
    </p>
  );
}
