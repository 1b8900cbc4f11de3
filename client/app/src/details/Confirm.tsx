import type { ReactNode } from "react";

import { Button } from "../ui/Button.js";
import { Dialog } from "../ui/Dialog.js";
import styles from "./Details.module.css";

/** Asks whether to do what cannot be taken back, or what somebody else feels. */
export function Confirm({
  title,
  act,
  onAct,
  onClose,
  children,
}: {
  title: string;
  /** What is done, in a word or two. */
  act: string;
  onAct: () => void;
  onClose: () => void;
  children: ReactNode;
}) {
  return (
    <Dialog title={title} onClose={onClose}>
      <p>{children}</p>
      <div className={styles.choice}>
        <Button onClick={onClose}>Cancel</Button>
        <Button kind="danger" onClick={onAct}>
          {act}
        </Button>
      </div>
    </Dialog>
  );
}
