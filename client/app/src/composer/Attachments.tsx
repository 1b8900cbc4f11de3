import { useAttachments, useChatActions } from "@chatserver/zustand/react";
import type { Attachment } from "@chatserver/zustand";
import { FileText, Mic, RotateCw, X } from "lucide-react";
import { useEffect, useState } from "react";

import { sizeOf, timeOf } from "../lib/files.js";
import { reasonOf } from "../lib/notices.js";
import { IconButton } from "../ui/Button.js";
import styles from "./Attachments.module.css";

/** The files that go with the next message: how far each has come, and what may be done about it. */
export function Attachments({ id }: { id: string }) {
  const attachments = useAttachments(id);
  if (!attachments.length) return null;
  return (
    <ul className={styles.tray} aria-label="Attached files">
      {attachments.map((attachment) => (
        <Item key={attachment.id} conversationId={id} attachment={attachment} />
      ))}
    </ul>
  );
}

function Item({ conversationId, attachment }: { conversationId: string; attachment: Attachment }) {
  const { retryAttachment, detach } = useChatActions();
  const { id, name, size, sent, state, error, source, about } = attachment;
  const [picture, setPicture] = usePicture(source);
  const isVoice = typeof about.duration === "number";
  const label = isVoice ? "Voice message" : name;
  return (
    <li className={styles.item} aria-label={label} data-state={state}>
      {picture ? (
        <img src={picture} alt="" onError={() => setPicture(null)} />
      ) : (
        <span className={styles.icon}>{isVoice ? <Mic /> : <FileText />}</span>
      )}
      <span className={styles.about}>
        <b>{label}</b>
        {state === "uploading" && (
          <progress aria-label={`Uploading ${label}`} value={sent} max={Math.max(1, size)} />
        )}
        {state === "ready" && <small>{isVoice ? timeOf(about.duration ?? 0) : sizeOf(size)}</small>}
        {state === "failed" && <small className={styles.problem}>{reasonOf(error)}</small>}
      </span>
      {state === "failed" && (
        <IconButton label={`Retry ${label}`} onClick={() => retryAttachment(conversationId, id)}>
          <RotateCw />
        </IconButton>
      )}
      <IconButton
        label={state === "uploading" ? `Cancel ${label}` : `Remove ${label}`}
        onClick={() => detach(conversationId, id)}
      >
        <X />
      </IconButton>
    </li>
  );
}

/** An address of a picture that was chosen, while it is shown; null where it is none, or is found to be none. */
function usePicture(source: Blob): [string | null, (address: null) => void] {
  const [address, setAddress] = useState<string | null>(null);
  useEffect(() => {
    if (!/^image\/(?:png|jpeg|gif|webp|avif)$/u.test(source.type)) return;
    const made = URL.createObjectURL(source);
    setAddress(made);
    return () => URL.revokeObjectURL(made);
  }, [source]);
  return [address, setAddress];
}
