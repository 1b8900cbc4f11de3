import { useChat, useChatStore } from "@chatserver/zustand/react";
import type { ShownMessage } from "@chatserver/zustand";
import { Ban, Lock } from "lucide-react";
import { memo, useMemo } from "react";

import { isEmojiAlone } from "../lib/emojiAlone.js";
import { isPicture, linkify } from "../lib/linkify.js";
import { useIsGroup } from "../lib/parts.js";
import styles from "./Content.module.css";
import { LinkedPicture } from "./LinkedPicture.js";
import { MessageFiles } from "./MessageFiles.js";

const EVERYONE = ["all", "everyone"];

function whole(value: unknown, otherwise: number): number {
  return typeof value === "number" && value >= 1 && value <= 20_000 ? Math.round(value) : otherwise;
}

/** What a message says: text with its links and mentions, or a picture. */
export const Content = memo(function Content({ message }: { message: ShownMessage }) {
  const isGroup = useIsGroup(message.conversation_id);
  // The server says whom a message mentions once it has it.
  const participants = useChat(({ conversations }) =>
    message.pending && isGroup ? conversations[message.conversation_id]?.participants : undefined,
  );
  const username = useChat((state) => state.user?.username.toLowerCase() ?? "");
  const isOwn = useChat((state) => state.me === message.sender_id);
  const { origin } = new URL(useChatStore().chat.url);
  const { content, mentions, metadata, message_type: type } = message;

  const nodes = useMemo(() => {
    if (content === null) return null;
    const names = new Set<string>();
    for (const { type: kind, username: name } of mentions) {
      if (kind === "everyone") for (const one of EVERYONE) names.add(one);
      else if (name !== null) names.add(name.toLowerCase());
    }
    for (const { username: name } of participants ?? []) names.add(name.toLowerCase());
    const mine = new Set(isOwn ? [] : [username, ...EVERYONE]);
    return linkify(content, names, mine);
  }, [content, mentions, username, isOwn, participants]);

  if (message.is_deleted) {
    return (
      <span className={styles.quiet}>
        <Ban /> Message deleted
      </span>
    );
  }
  if (content === null && message.content_encrypted !== null) {
    return (
      <span className={styles.quiet}>
        <Lock /> Encrypted message
      </span>
    );
  }
  const address = metadata.url;
  if (type === "image" && isPicture(address, origin)) {
    const isCaption = content !== null && content !== address;
    return (
      <>
        <LinkedPicture
          address={address}
          origin={origin}
          caption={isCaption ? content : null}
          width={whole(metadata.width, 4)}
          height={whole(metadata.height, 3)}
        />
        {isCaption && (
          <span className={styles.text} dir="auto">
            {nodes}
          </span>
        )}
      </>
    );
  }
  if (message.files.length > 0) {
    return (
      <>
        <MessageFiles files={message.files} />
        {content !== null && content !== "" && (
          <span className={styles.text} dir="auto">
            {nodes}
          </span>
        )}
      </>
    );
  }
  const isLarge = content !== null && isEmojiAlone(content);
  return (
    <span className={styles.text} data-large={isLarge || undefined} dir="auto">
      {nodes}
    </span>
  );
});
