// Texts as React nodes: addresses become links, code becomes code, mentions are marked. Never HTML.

import type { ReactNode } from "react";

import styles from "./linkify.module.css";

/** Code between backticks, an address, or a mention. */
const PARTS =
  /```([^`]{1,10000})```|`([^`\n]{1,2000})`|\bhttps?:\/\/[^\s<>"'`]{1,2000}|[@＠][\p{L}\p{N}_.-]{1,64}/gu;
/** What ends an address only where a sentence ends. */
const TRAILING = new Set(`.,:;!?…'")]}`);

/** Without what ends the sentence around an address. A bracket that the address opens stays. */
function trimmed(address: string): string {
  let end = address.length;
  // How many brackets are closed and were not opened. Counted once: an address may end with two thousand of them.
  let surplus = address.split(")").length - address.split("(").length;
  for (; TRAILING.has(address.charAt(end - 1)); end--) {
    if (address.charAt(end - 1) !== ")") continue;
    if (surplus <= 0) break;
    surplus--;
  }
  return address.slice(0, end);
}

function isAddress(text: string): boolean {
  try {
    const { protocol, username } = new URL(text);
    // Names before an @ are how addresses lie about where they lead.
    return (protocol === "http:" || protocol === "https:") && username === "";
  } catch {
    return false;
  }
}

/** Gives a text as nodes. `mentions` are the names that count as mentions, in lower case, and `mine` those that mean me. */
export function linkify(
  text: string,
  mentions: ReadonlySet<string>,
  mine: ReadonlySet<string>,
): ReactNode[] {
  const nodes: ReactNode[] = [];
  let at = 0;
  for (const match of text.matchAll(PARTS)) {
    const [whole, block, inline] = match;
    const { index } = match;
    let node: ReactNode = null;
    let length = whole.length;
    if (block !== undefined) {
      node = (
        <code key={index} className={styles.block}>
          {block.replace(/^\n|\n$/gu, "")}
        </code>
      );
    } else if (inline !== undefined) {
      node = (
        <code key={index} className={styles.code}>
          {inline}
        </code>
      );
    } else if (whole.startsWith("http")) {
      const address = trimmed(whole);
      length = address.length;
      if (isAddress(address)) {
        node = (
          <a key={index} href={address} target="_blank" rel="noopener noreferrer nofollow ugc">
            {address}
          </a>
        );
      }
    } else {
      const name = whole.slice(1).replace(/[.-]+$/u, "");
      length = name.length + 1;
      if (mentions.has(name.toLowerCase())) {
        const isMe = mine.has(name.toLowerCase());
        node = (
          <span key={index} className={isMe ? styles.me : styles.mention}>
            @{name}
          </span>
        );
      }
    }
    if (node === null) continue;
    if (index > at) nodes.push(text.slice(at, index));
    nodes.push(node);
    at = index + length;
  }
  if (at < text.length) nodes.push(text.slice(at));
  return nodes;
}

/** Whether an address that somebody sent may be that of a picture: by HTTPS, or as `own`, the server's origin, is. */
export function isPicture(address: unknown, own?: string): address is string {
  if (typeof address !== "string" || !isAddress(address)) return false;
  return address.startsWith("https://") || new URL(address).origin === own;
}
