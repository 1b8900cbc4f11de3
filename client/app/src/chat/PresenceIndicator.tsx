import { useIsOnline } from "@chatserver/zustand/react";

import styles from "./PresenceIndicator.module.css";

/** Whether somebody is online. */
export function PresenceIndicator({ userId }: { userId: string }) {
  const isOnline = useIsOnline(userId);
  return (
    <span className={styles.presence} data-online={isOnline || undefined}>
      {isOnline ? "Online" : "Offline"}
    </span>
  );
}
