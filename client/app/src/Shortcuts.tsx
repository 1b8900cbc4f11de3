import { Dialog } from "./ui/Dialog.js";
import styles from "./Shortcuts.module.css";

const KEYS: [keys: string[], what: string][] = [
  [["Ctrl", "K"], "Find messages and conversations"],
  [["Alt", "↑ ↓"], "Conversation above, below"],
  [["↑"], "Edit your last message, in an empty field"],
  [["Esc"], "Give up a reply or an edit, then go to the latest"],
  [["R"], "Reply to the message in focus"],
  [["E"], "Edit it"],
  [["+"], "React to it"],
  [["Shift", "Esc"], "Mark the conversation as read"],
  [["?"], "This help"],
];

export function ShortcutsDialog({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title="Keyboard" onClose={onClose}>
      <dl className={styles.keys}>
        {KEYS.map(([keys, what]) => (
          <div key={what}>
            <dt>
              {keys.map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
