import type { ReactNode } from "react";

import styles from "./Details.module.css";

/** Something that may be done with a conversation. */
export function Action({
  icon,
  isDanger = false,
  onPick,
  children,
}: {
  icon: ReactNode;
  isDanger?: boolean;
  onPick: () => void;
  children: ReactNode;
}) {
  return (
    <button
      type="button"
      className={styles.action}
      data-danger={isDanger || undefined}
      onClick={onPick}
    >
      {icon}
      {children}
    </button>
  );
}
