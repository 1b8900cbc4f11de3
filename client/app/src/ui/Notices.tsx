import { X } from "lucide-react";

import { dismiss, useNotices } from "../lib/notices.js";
import { IconButton } from "./Button.js";
import styles from "./Notices.module.css";

/** What is told in passing, and what screen readers say. */
export function Notices() {
  const shown = useNotices((state) => state.shown);
  const said = useNotices((state) => state.said);
  return (
    <>
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
      <p className="visually-hidden" aria-live="polite">
        {said}
      </p>
    </>
  );
}
