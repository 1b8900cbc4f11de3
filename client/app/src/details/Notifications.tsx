import { useChatActions } from "@chatserver/zustand/react";
import type { StoredConversation } from "@chatserver/zustand";
import { Archive, ArchiveRestore, Star, StarOff } from "lucide-react";
import { useId, useState } from "react";

import { isMuted } from "../lib/names.js";
import { attempt } from "../lib/notices.js";
import { fullTimeOf } from "../lib/time.js";
import { Item } from "../ui/Item.js";
import styles from "./Notifications.module.css";

const HOUR = 3_600_000;
const LEVELS = [
  ["all", "Every message"],
  ["mentions", "Mentions of me"],
  ["none", "Nothing"],
] as const;

/** What notifies of a conversation, and how it is listed. */
export function Notifications({ conversation }: { conversation: StoredConversation }) {
  const { setSettings } = useChatActions();
  const [asksUntil, setAsksUntil] = useState(false);
  const name = useId();
  const { id, my_settings: settings } = conversation;
  const set = (changes: Parameters<typeof setSettings>[1]) => {
    setAsksUntil(false);
    void attempt(setSettings(id, changes));
  };
  const muteFor = (ms: number) => set({ mutedUntil: new Date(Date.now() + ms).toISOString() });

  return (
    <section className={styles.section} aria-label="Notifications">
      <h3>Notify me of</h3>
      <div className={styles.levels} role="radiogroup" aria-label="Notify me of">
        {LEVELS.map(([level, label]) => (
          <label key={level}>
            <input
              type="radio"
              name={name}
              checked={settings.level === level}
              onChange={() => set({ level })}
            />
            {label}
          </label>
        ))}
      </div>
      {isMuted(settings) && settings.muted_until !== null ? (
        <p className={styles.muted}>
          Muted until {fullTimeOf(settings.muted_until)}{" "}
          <button type="button" onClick={() => set({ mutedUntil: null })}>
            Unmute
          </button>
        </p>
      ) : (
        <div className={styles.mute} role="group" aria-label="Mute">
          <button type="button" onClick={() => muteFor(HOUR)}>
            Mute for 1 hour
          </button>
          <button type="button" onClick={() => muteFor(8 * HOUR)}>
            8 hours
          </button>
          <button type="button" aria-expanded={asksUntil} onClick={() => setAsksUntil(!asksUntil)}>
            Until…
          </button>
        </div>
      )}
      {asksUntil && (
        <input
          className={styles.until}
          type="datetime-local"
          aria-label="Mute until"
          min={localOf(Date.now())}
          autoFocus
          onKeyDown={(event) => {
            const at = new Date(event.currentTarget.value).getTime();
            if (event.key === "Enter" && at > Date.now()) muteFor(at - Date.now());
          }}
          onBlur={(event) => {
            const at = new Date(event.currentTarget.value).getTime();
            if (at > Date.now()) muteFor(at - Date.now());
          }}
        />
      )}
      <Item
        icon={settings.favourite ? <StarOff /> : <Star />}
        onPick={() => set({ favourite: !settings.favourite })}
      >
        {settings.favourite ? "No favourite any more" : "Make a favourite"}
      </Item>
      <Item
        icon={settings.archived ? <ArchiveRestore /> : <Archive />}
        onPick={() => set({ archived: !settings.archived })}
      >
        {settings.archived ? "Take out of the archive" : "Archive"}
      </Item>
    </section>
  );
}

/** A time as such a field has it. */
function localOf(at: number): string {
  const time = new Date(at);
  return new Date(at - time.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
