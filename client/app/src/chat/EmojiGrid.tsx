import { useEffect, useRef, useState } from "react";

import { useIsTouch } from "../lib/hooks.js";
import { EMOJI } from "./emoji.js";
import styles from "./EmojiGrid.module.css";

/** Emoji to choose from, by group or by name. It is loaded when it is first wanted. */
export default function EmojiGrid({ onPick }: { onPick: (emoji: string) => void }) {
  const [query, setQuery] = useState("");
  const field = useRef<HTMLInputElement>(null);
  const isTouch = useIsTouch();
  // What was pressed for it may be gone, and it comes later than what it is in. On touch the keyboard would cover it.
  useEffect(() => {
    if (!isTouch) field.current?.focus({ preventScroll: true });
  }, [isTouch]);
  const wanted = query.trim().toLowerCase();
  return (
    <div className={styles.grid}>
      <input
        ref={field}
        type="search"
        aria-label="Search emoji"
        placeholder="Search emoji"
        value={query}
        onChange={(event) => setQuery(event.target.value)}
      />
      <div className={styles.groups}>
        {EMOJI.map(([group, emoji]) => {
          const found = emoji.filter(([, name]) => name.includes(wanted));
          return (
            found.length > 0 && (
              <section key={group} aria-label={group}>
                <h3>{group}</h3>
                <div>
                  {found.map(([one, name]) => (
                    <button
                      key={one}
                      type="button"
                      aria-label={name}
                      title={name}
                      onClick={() => onPick(one)}
                    >
                      {one}
                    </button>
                  ))}
                </div>
              </section>
            )
          );
        })}
      </div>
    </div>
  );
}
