import { useChat, useMessage } from "@chatserver/zustand/react";
import { Megaphone, Pin } from "lucide-react";
import { memo, useState } from "react";

import { useIsGroup, useName, useProgress } from "../lib/parts.js";
import { clockOf, fullTimeOf } from "../lib/time.js";
import { Avatar } from "../ui/Avatar.js";
import { useLongPress } from "../ui/useLongPress.js";
import { Content } from "./Content.js";
import { EditField } from "./EditField.js";
import styles from "./MessageRow.module.css";
import { NotSent } from "./NotSent.js";
import { Quote } from "./Quote.js";
import { Reactions } from "./Reactions.js";
import { Ticks } from "./Ticks.js";
import { Toolbar } from "./Toolbar.js";

/** One message: who, what, when, how far it has come, and what may be done about it. */
export const MessageRow = memo(function MessageRow({
  id,
  conversationId,
  position,
  count,
  isFirst,
  isLast,
  isEntrance,
  isLit,
  onFocus,
  onJump,
}: {
  id: string;
  conversationId: string;
  position: number;
  count: number;
  isFirst: boolean;
  isLast: boolean;
  isEntrance: boolean;
  isLit: boolean;
  onFocus: (id: string) => void;
  onJump: (id: string) => Promise<void>;
}) {
  const message = useMessage(id);
  const isGroup = useIsGroup(conversationId);
  const name = useName(conversationId, message?.sender_id, message?.sender_username);
  const progress = useProgress(message);
  const me = useChat((state) => state.me);
  const isEditing = useChat((state) => state.editing[conversationId] === id);
  const [isActive, setActive] = useState(false);
  const [isOpen, setOpen] = useState(false);
  const longPress = useLongPress(
    () => setActive(true),
    () => setOpen(true),
  );
  if (!message) return null;

  const isOwn = message.sender_id === me;
  const isMention = message.mentions.some(
    ({ type, user_id: user }) => user === me || (type === "everyone" && !isOwn),
  );
  const label = `${name}, ${clockOf(message.created_at)}`;

  if (message.message_type === "system") {
    return (
      <article
        className={styles.system}
        aria-label={label}
        aria-posinset={position}
        aria-setsize={count}
        data-id={id}
        tabIndex={isEntrance ? 0 : -1}
        onFocus={() => onFocus(id)}
      >
        {message.content}
      </article>
    );
  }

  return (
    <article
      className={styles.message}
      aria-label={label}
      aria-posinset={position}
      aria-setsize={count}
      data-id={id}
      data-own={isOwn || undefined}
      data-side={isOwn && !isGroup ? "end" : "start"}
      data-first={isFirst || undefined}
      data-last={isLast || undefined}
      data-mention={(isMention && !message.is_deleted) || undefined}
      data-announcement={message.is_announcement || undefined}
      data-lit={isLit || undefined}
      tabIndex={isEntrance ? 0 : -1}
      onFocus={() => {
        onFocus(id);
        setActive(true);
      }}
      onBlur={(event) => {
        if (!event.currentTarget.contains(event.relatedTarget)) setActive(false);
      }}
      onPointerEnter={(event) => {
        // Browsers without a mouse tell of one, too, wherever the last finger was.
        if (event.pointerType !== "touch" && !matchMedia("(hover: none)").matches) setActive(true);
      }}
      onPointerLeave={(event) => {
        if (!event.currentTarget.contains(document.activeElement)) setActive(false);
      }}
      {...longPress}
    >
      {isGroup && (
        <span className={styles.avatar}>
          {isFirst && <Avatar id={message.sender_id} name={name} size={36} />}
        </span>
      )}
      <div className={styles.column}>
        {isGroup && isFirst && <b className={styles.name}>{name}</b>}
        <div className={styles.bubble} data-deleted={message.is_deleted || undefined}>
          {message.is_announcement && (
            <span className={styles.mark}>
              <Megaphone /> Announcement
            </span>
          )}
          {message.reply_to_message_id !== null && !message.is_deleted && (
            <Quote
              id={message.reply_to_message_id}
              conversationId={conversationId}
              onJump={onJump}
            />
          )}
          {isEditing ? (
            <EditField message={message} />
          ) : (
            <>
              <Content message={message} />
              <span className={styles.meta}>
                {message.is_pinned && (
                  <span className={styles.pinned}>
                    <Pin /> pinned
                  </span>
                )}
                {message.is_edited && !message.is_deleted && <span>edited</span>}
                <time dateTime={message.created_at} title={fullTimeOf(message.created_at)}>
                  {clockOf(message.created_at)}
                </time>
                {isOwn && !message.is_deleted && progress !== "failed" && (
                  <Ticks progress={progress} />
                )}
              </span>
            </>
          )}
        </div>
        {message.pending?.state === "failed" && <NotSent message={message} />}
        {message.reactions.length > 0 && <Reactions message={message} />}
        {(isActive || isOpen) && !message.pending && !message.is_deleted && !isEditing && (
          <Toolbar message={message} isOwn={isOwn} isOpen={isOpen} onOpen={setOpen} />
        )}
      </div>
    </article>
  );
});
