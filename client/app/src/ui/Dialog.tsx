import { X } from "lucide-react";
import { useId, useLayoutEffect, useRef, type ReactNode } from "react";

import { IconButton } from "./Button.js";
import { Notice } from "./Notices.js";
import styles from "./Dialog.module.css";

const FIELD = "input:not([type=checkbox], [type=radio], [type=file]), textarea";

/** A modal dialog, named by its heading. It is open for as long as it is shown. */
export function Dialog({
  title,
  onClose,
  children,
}: {
  title: string;
  onClose: () => void;
  children: ReactNode;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const heading = useId();
  // Closed before it is taken from the page: only then does the focus go back to where it was.
  useLayoutEffect(() => {
    const element = dialog.current;
    element?.showModal();
    // Otherwise the button that closes it has the focus: React's autoFocus comes before the dialog is shown.
    element?.querySelector<HTMLElement>(FIELD)?.focus();
    return () => element?.close();
  }, []);
  return (
    <dialog
      ref={dialog}
      className={styles.dialog}
      aria-labelledby={heading}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onClick={(event) => {
        // On what is behind it.
        if (event.target === dialog.current) onClose();
      }}
      onKeyDown={(event) => event.stopPropagation()}
    >
      <div className={styles.inside}>
        <header className={styles.header}>
          <h2 id={heading}>{title}</h2>
          <IconButton label="Close" onClick={onClose}>
            <X />
          </IconButton>
        </header>
        {children}
      </div>
      <Notice />
    </dialog>
  );
}
