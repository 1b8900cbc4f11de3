import { Check, CheckCheck, Clock } from "lucide-react";

import styles from "./Ticks.module.css";

const NAMES = { sending: "Sending", sent: "Sent", delivered: "Delivered", read: "Read" } as const;
const ICONS = { sending: Clock, sent: Check, delivered: CheckCheck, read: CheckCheck } as const;

/** How far an own message has come. One that failed has a button elsewhere. */
export function Ticks({ progress }: { progress: keyof typeof NAMES | "failed" }) {
  if (progress === "failed") return <span className={styles.failed}>Not sent</span>;
  const Icon = ICONS[progress];
  return (
    <span className={styles.ticks} role="img" aria-label={NAMES[progress]} data-progress={progress}>
      <Icon />
    </span>
  );
}
