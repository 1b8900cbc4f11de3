import type { File as SentFile } from "@chatserver/client";
import { useChatStore } from "@chatserver/zustand/react";
import { ChevronLeft, ChevronRight, Download, X, ZoomIn, ZoomOut } from "lucide-react";
import {
  useEffect,
  useLayoutEffect,
  useRef,
  useState,
  type KeyboardEvent,
  type PointerEvent,
} from "react";

import { download, useLink } from "../lib/links.js";
import { IconButton } from "../ui/Button.js";
import { Notice } from "../ui/Notices.js";
import styles from "./Viewer.module.css";

const LARGEST = 8;
const STEP = 1.5;

interface View {
  readonly zoom: number;
  readonly x: number;
  readonly y: number;
}

const whole: View = { zoom: 1, x: 0, y: 0 };

/** The pictures of a message, one at a time and as large as there is room. */
export default function Viewer({
  files,
  first,
  onClose,
}: {
  files: readonly SentFile[];
  first: string;
  onClose: () => void;
}) {
  const { chat } = useChatStore();
  const dialog = useRef<HTMLDialogElement>(null);
  const [at, setAt] = useState(() =>
    Math.max(
      0,
      files.findIndex(({ id }) => id === first),
    ),
  );
  const [view, setView] = useState(whole);
  const held = useRef<{ x: number; y: number } | null>(null);
  const file = files[Math.min(at, files.length - 1)];

  // Closed before it is taken from the page: only then does the focus go back to where it was.
  useLayoutEffect(() => {
    const element = dialog.current;
    element?.showModal();
    return () => element?.close();
  }, []);

  // Erased while it was looked at.
  useEffect(() => {
    if (!file) onClose();
  }, [file, onClose]);
  if (!file) return null;

  function zoom(by: number) {
    setView(({ zoom: now, x, y }) => {
      const next = Math.min(LARGEST, Math.max(1, now * by));
      return next === 1 ? whole : { zoom: next, x: (x * next) / now, y: (y * next) / now };
    });
  }

  function show(next: number) {
    if (!files[next]) return;
    setAt(next);
    setView(whole);
  }

  function onKey(event: KeyboardEvent) {
    event.stopPropagation();
    if (event.key === "ArrowLeft") show(at - 1);
    else if (event.key === "ArrowRight") show(at + 1);
    else if (event.key === "+" || event.key === "=") zoom(STEP);
    else if (event.key === "-") zoom(1 / STEP);
    else if (event.key === "0") setView(whole);
    else return;
    event.preventDefault();
  }

  function drag(event: PointerEvent) {
    const last = held.current;
    if (!last) return;
    held.current = { x: event.clientX, y: event.clientY };
    setView(({ zoom: now, x, y }) => ({
      zoom: now,
      x: x + event.clientX - last.x,
      y: y + event.clientY - last.y,
    }));
  }

  return (
    <dialog
      ref={dialog}
      className={styles.viewer}
      aria-label={file.name}
      onKeyDown={onKey}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
    >
      <header className={styles.bar}>
        <h2>{file.name}</h2>
        {files.length > 1 && <span>{`${at + 1} of ${files.length}`}</span>}
        <IconButton label="Zoom out" disabled={view.zoom === 1} onClick={() => zoom(1 / STEP)}>
          <ZoomOut />
        </IconButton>
        <IconButton label="Zoom in" disabled={view.zoom === LARGEST} onClick={() => zoom(STEP)}>
          <ZoomIn />
        </IconButton>
        <IconButton label="Download" onClick={() => void download(chat, file)}>
          <Download />
        </IconButton>
        <IconButton label="Close" onClick={onClose}>
          <X />
        </IconButton>
      </header>
      <div
        className={styles.stage}
        data-zoomed={view.zoom > 1 || undefined}
        onWheel={(event) => zoom(event.deltaY < 0 ? 1.15 : 1 / 1.15)}
        onDoubleClick={() => (view.zoom > 1 ? setView(whole) : zoom(3))}
        onPointerDown={(event) => {
          if (view.zoom === 1) return;
          event.currentTarget.setPointerCapture(event.pointerId);
          held.current = { x: event.clientX, y: event.clientY };
        }}
        onPointerMove={drag}
        onPointerUp={() => (held.current = null)}
        onClick={(event) => {
          // Beside the picture.
          if (event.target === event.currentTarget && view.zoom === 1) onClose();
        }}
      >
        <Picture key={file.id} file={file} view={view} />
      </div>
      {at > 0 && (
        <IconButton className={styles.before ?? ""} label="Previous" onClick={() => show(at - 1)}>
          <ChevronLeft />
        </IconButton>
      )}
      {at < files.length - 1 && (
        <IconButton className={styles.after ?? ""} label="Next" onClick={() => show(at + 1)}>
          <ChevronRight />
        </IconButton>
      )}
      <Notice />
    </dialog>
  );
}

function Picture({ file, view: { zoom, x, y } }: { file: SentFile; view: View }) {
  const [link, renew] = useLink(file.id);
  const { width, height, preview } = file;
  return (
    <img
      className={styles.picture}
      src={link?.url ?? preview ?? undefined}
      alt={file.name}
      draggable={false}
      {...(width && height && { width, height })}
      style={{ transform: `translate(${x}px, ${y}px) scale(${zoom})` }}
      onError={renew}
    />
  );
}
