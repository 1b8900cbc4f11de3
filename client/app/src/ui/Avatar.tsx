import styles from "./Avatar.module.css";
import { isPicture } from "../lib/linkify.js";

const HUES = 8;

function hueOf(id: string): number {
  let sum = 7;
  for (const letter of id) sum = (sum * 85 + (letter.codePointAt(0) ?? 0)) % 65_521;
  return sum % HUES;
}

/** The first letters of a name: of two words at most. */
function initialsOf(name: string): string {
  const words = name.trim().split(/\s+/u).slice(0, 2);
  return words
    .map((word) => Array.from(word)[0] ?? "")
    .join("")
    .toUpperCase();
}

/** Who or what it is about, as a picture or in letters. It says nothing that the name beside it does not. */
export function Avatar({
  id,
  name,
  url = null,
  size = 44,
  isGroup = false,
  isOnline = false,
}: {
  id: string;
  name: string;
  url?: string | null;
  size?: 28 | 36 | 44;
  isGroup?: boolean;
  isOnline?: boolean;
}) {
  return (
    <span
      className={styles.avatar}
      data-hue={hueOf(id)}
      data-size={size}
      data-group={isGroup || undefined}
      // Letters that CSS shows are no text that a button's name would have to have.
      data-initials={isPicture(url) ? undefined : initialsOf(name)}
      aria-hidden="true"
    >
      {isPicture(url) && <img src={url} alt="" loading="lazy" referrerPolicy="no-referrer" />}
      {isOnline && <i className={styles.dot} />}
    </span>
  );
}
