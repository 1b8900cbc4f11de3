import type { File as SentFile } from "@chatserver/client";
import { useChatStore } from "@chatserver/zustand/react";
import { Download, FileText, ShieldAlert, ShieldQuestion } from "lucide-react";
import { lazy, Suspense, useState } from "react";

import { isImage, isVoice, sizeOf } from "../lib/files.js";
import { download, useLink } from "../lib/links.js";
import { notify } from "../lib/notices.js";
import styles from "./MessageFiles.module.css";
import { VoicePlayer } from "./VoicePlayer.js";

/** What may be named in a style: nothing that ends the address. */
const PREVIEW = /^data:image\/[a-z]+;base64,[\w+/=]+$/u;

const Viewer = lazy(() => import("./Viewer.js"));

/** The files of a message: pictures in their place, voices to play, and all else to be saved. */
export function MessageFiles({ files }: { files: readonly SentFile[] }) {
  const [open, setOpen] = useState<string | null>(null);
  const images = files.filter(isImage);
  return (
    <div className={styles.files}>
      {images.length > 0 && (
        <div className={styles.images} data-many={images.length > 1 || undefined}>
          {images.map((file) => (
            <Picture
              key={file.id}
              file={file}
              isAlone={images.length === 1}
              onOpen={() => setOpen(file.id)}
            />
          ))}
        </div>
      )}
      {files.map((file) => {
        if (isImage(file)) return null;
        if (isVoice(file)) return <VoicePlayer key={file.id} file={file} />;
        return <FileCard key={file.id} file={file} />;
      })}
      {open !== null && (
        <Suspense fallback={null}>
          <Viewer files={images} first={open} onClose={() => setOpen(null)} />
        </Suspense>
      )}
    </div>
  );
}

/** Its place is kept before it is there: by its own size, or square beside others. */
export function Picture({
  file,
  isAlone = false,
  onOpen,
}: {
  file: SentFile;
  isAlone?: boolean;
  onOpen: () => void;
}) {
  const [link, renew] = useLink(file.id);
  const { width, height, preview } = file;
  const ratio = isAlone && width && height ? `${width} / ${height}` : isAlone ? "4 / 3" : "1";
  return (
    <button
      type="button"
      className={styles.picture}
      aria-label={`Open ${file.name}`}
      style={{
        aspectRatio: ratio,
        ...(preview !== null && PREVIEW.test(preview) && { backgroundImage: `url(${preview})` }),
      }}
      onClick={onOpen}
    >
      {link && <img src={link.thumb_url ?? link.url} alt="" onError={renew} />}
    </button>
  );
}

/** What a file is called and how large it is. Pressed, it is saved. */
export function FileCard({ file }: { file: SentFile }) {
  const { chat } = useChatStore();
  const { name, size, state } = file;
  const Icon = { refused: ShieldAlert, scanning: ShieldQuestion }[state as string] ?? FileText;
  const words = { refused: "Refused: it may do harm", scanning: "Being checked…" }[state as string];
  return (
    <button
      type="button"
      className={styles.card}
      data-state={state}
      disabled={state !== "ready"}
      onClick={() => {
        void download(chat, file).then((isThere) => {
          if (!isThere) notify("That file is not there any more.");
        });
      }}
    >
      <span className={styles.icon}>
        <Icon />
      </span>
      <span className={styles.about}>
        {state === "ready" && <span className="visually-hidden">Download </span>}
        <b>{name}</b>
        <small>{words ?? sizeOf(size)}</small>
      </span>
      {state === "ready" && <Download className={styles.save} />}
    </button>
  );
}
