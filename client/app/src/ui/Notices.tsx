import { X } from "lucide-react";

import { dismiss, useNotices } from "../lib/notices.js";
import { IconButton } from "./Button.js";
import styles from "./Notices.module.css";

/**
 * What is told in passing. A modal dialog has one of its own: while it is open, nothing outside of it is there for the
 * mouse, the keyboard and screen readers.
 */
export function Notice() {
  const shown = useNotices((state) => state.shown);
  return (
    <div className={styles.place} role="alert">
      {shown && (
        <div className={styles.notice} key={shown.id}>
          <span>{shown.text}</span>
          <IconButton label="Dismiss" onClick={dismiss}>
            <X />
          </IconButton>
        </div>
      )}
    </div>
  );
}

/** What is told in passing, and what screen readers say. */
export function Notices() {
  const said = useNotices((state) => state.said);
  return (
    <>
      <Notice />
      <p className="visually-hidden" aria-live="polite">
        {said}
      </p>
    </>
  );
}
