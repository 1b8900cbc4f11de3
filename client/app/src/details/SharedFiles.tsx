import { useChat, useChatActions, useMessageIds, useWindow } from "@chatserver/zustand/react";
import { useMemo } from "react";
import { useShallow } from "zustand/react/shallow";

import { FileCard, Picture } from "../chat/MessageFiles.js";
import { VoicePlayer } from "../chat/VoicePlayer.js";
import { isImage, isVoice } from "../lib/files.js";
import { attempt } from "../lib/notices.js";
import styles from "./Details.module.css";

/** The files of a conversation, the newest first: those of the messages that are loaded, and more when asked. */
export function SharedFiles({ id, onJump }: { id: string; onJump: (messageId: string) => void }) {
  const ids = useMessageIds(id);
  const window = useWindow(id);
  const { loadOlder } = useChatActions();
  const messages = useChat(
    useShallow(({ messagesById }) =>
      ids.map((one) => messagesById[one]).filter((message) => message?.files.length),
    ),
  );
  const found = useMemo(
    () =>
      messages
        .flatMap((message) => message?.files.map((file) => ({ file, messageId: message.id })) ?? [])
        .reverse(),
    [messages],
  );
  if (!found.length && window?.atStart !== false) return null;
  const images = found.filter(({ file }) => isImage(file));
  return (
    <section className={styles.section} aria-label="Files">
      <h3>Files</h3>
      {images.length > 0 && (
        <div className={styles.tiles}>
          {images.map(({ file, messageId }) => (
            <Picture key={file.id} file={file} onOpen={() => onJump(messageId)} />
          ))}
        </div>
      )}
      <div className={styles.cards}>
        {found.map(({ file }) => {
          if (isImage(file)) return null;
          const Card = isVoice(file) ? VoicePlayer : FileCard;
          return <Card key={file.id} file={file} />;
        })}
      </div>
      {window?.atStart === false && (
        <button
          type="button"
          className={styles.further}
          disabled={window.loading !== null}
          onClick={() => void attempt(loadOlder(id))}
        >
          Look further back
        </button>
      )}
    </section>
  );
}
