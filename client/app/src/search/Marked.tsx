import styles from "./SearchDialog.module.css";

/** How much is shown before the first hit, and in all; in UTF-16 units. */
const BEFORE = 40;
const MOST = 240;

/** A text with its hits marked: from a little before the first one on. */
export function Marked({
  text,
  ranges,
}: {
  text: string;
  ranges: readonly (readonly [number, number])[];
}) {
  const first = ranges[0]?.[0] ?? 0;
  let start = Math.max(0, first - BEFORE);
  // From the beginning of a word on, and never within a character.
  const blank = text.slice(start, first).search(/\s/u);
  if (start > 0 && blank >= 0) start += blank + 1;
  if (isWithin(text, start)) start -= 1;
  let end = Math.min(text.length, start + MOST);
  if (isWithin(text, end)) end += 1;

  const parts: React.ReactNode[] = [];
  let at = start;
  for (const [from, to] of ranges) {
    if (from < at || from >= end) continue;
    parts.push(text.slice(at, from));
    parts.push(<mark key={from}>{text.slice(from, Math.min(to, end))}</mark>);
    at = Math.min(to, end);
  }
  return (
    <span className={styles.words} dir="auto">
      {start > 0 && "…"}
      {parts}
      {text.slice(at, end)}
      {end < text.length && "…"}
    </span>
  );
}

/** Whether a place lies between the two halves of a character. */
function isWithin(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return at > 0 && code >= 0xdc00 && code <= 0xdfff;
}
