import { ImageOff, Image as ImageIcon } from "lucide-react";
import { useState } from "react";
import { create } from "zustand";

import styles from "./LinkedPicture.module.css";

interface Asked {
  /** The addresses whose pictures the person has asked for, for as long as the page is open. */
  readonly addresses: ReadonlySet<string>;
}

const useAsked = create<Asked>()(() => ({ addresses: new Set<string>() }));

function ask(address: string): void {
  useAsked.setState(({ addresses }) => ({ addresses: new Set(addresses).add(address) }));
}

/**
 * A picture that a message only names by its address. It comes from somebody else's host, which would learn who reads the
 * message, when and from where: so it is loaded once the person asks for it, and until then its place is kept.
 */
export function LinkedPicture({
  address,
  origin,
  caption,
  width,
  height,
}: {
  address: string;
  /** The server's own origin, whose pictures are shown at once. */
  origin: string;
  caption: string | null;
  width: number;
  height: number;
}) {
  const { host, origin: from } = new URL(address);
  const isAsked = useAsked(({ addresses }) => addresses.has(address));
  const [hasFailed, setFailed] = useState(false);
  const style = { aspectRatio: `${width} / ${height}` };

  if (hasFailed || (from !== origin && !isAsked)) {
    const Icon = hasFailed ? ImageOff : ImageIcon;
    return (
      <button
        type="button"
        className={styles.frame}
        style={style}
        onClick={() => {
          setFailed(false);
          ask(address);
        }}
      >
        <span className={styles.offer}>
          <Icon />
          {/* The end of a name says whose it is, so none of it is cut off. */}
          <span>
            {hasFailed ? "Not loaded. Try again: image from " : "Show image from "}
            <b dir="ltr">{host}</b>
          </span>
        </span>
      </button>
    );
  }
  return (
    <a className={styles.frame} href={address} target="_blank" rel="noopener noreferrer">
      <img
        className={styles.picture}
        style={style}
        src={address}
        alt={caption ?? "Picture"}
        referrerPolicy="no-referrer"
        onError={() => setFailed(true)}
      />
    </a>
  );
}
