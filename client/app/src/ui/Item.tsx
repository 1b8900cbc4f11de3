import type { ReactNode } from "react";

import styles from "./Item.module.css";

/** One thing that may be done: a line of a menu, or of the details. */
export function Item({
  icon,
  state,
  isDanger = false,
  onPick,
  children,
}: {
  icon: ReactNode;
  /** How it is now, where that is not its name. */
  state?: string;
  isDanger?: boolean;
  onPick: () => void;
  children: ReactNode;
}) {
  return (
    <button
      type="button"
      className={styles.item}
      data-danger={isDanger || undefined}
      onClick={onPick}
    >
      {icon}
      {children}
      {state !== undefined && <span className={styles.state}>{state}</span>}
    </button>
  );
}
