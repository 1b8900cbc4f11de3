import { useState } from "react";

import { EMOJI } from "./emoji.js";
import styles from "./EmojiGrid.module.css";

/** Emoji to choose from, by group or by name. It is loaded when it is first wanted. */
export default function EmojiGrid({ onPick }: { onPick: (emoji: string) => void }) {
  const [query, setQuery] = useState("");
  const wanted = query.trim().toLowerCase();
  return (
    <div className={styles.grid}>
      <input
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
