import { useChat } from "@chatserver/zustand/react";
import { CloudOff } from "lucide-react";

import { useAfter } from "../lib/hooks.js";
import styles from "./ConnectionBanner.module.css";

/** How long a link may be away before it is told of, in ms. */
const BRIEF = 600;

/** That the link is away, and how much waits for it. It lies over the messages, which stay where they are. */
export function ConnectionBanner() {
  const status = useChat((state) => state.status);
  const waiting = useChat(
    ({ optimisticMessageIds: ids, messagesById }) =>
      ids.filter((id) => messagesById[id]?.pending?.state !== "failed").length,
  );
  // Only those who were online once have a user.
  const wasOnline = useChat((state) => state.user !== null);
  const isOnline = status === "online";
  const isLong = useAfter(!isOnline, BRIEF);

  let words = "";
  if (!isOnline && isLong) {
    if (waiting) words = `Offline · ${waiting} will send`;
    else if (status === "offline") words = "Offline · you can go on writing";
    else words = wasOnline ? "Reconnecting…" : "Connecting…";
  }
  return (
    <div className={styles.place} role="status">
      {words && (
        <span className={styles.banner}>
          <CloudOff />
          {words}
        </span>
      )}
    </div>
  );
}
