import {
  useChat,
  useConversation,
  useDraft,
  useIsOnline,
  useMessage,
  useTyping,
} from "@chatserver/zustand/react";
import { Ban, BellOff, Star } from "lucide-react";
import { memo } from "react";

import { Ticks } from "../chat/Ticks.js";
import { isMuted, nameIn, otherOf, progressOf, summaryOf, titleOf } from "../lib/names.js";
import { addressOf, go } from "../lib/route.js";
import { briefOf } from "../lib/time.js";
import { Avatar } from "../ui/Avatar.js";
import styles from "./ConversationRow.module.css";

/** One conversation in the list: who, when, the last words, and how much is unread. */
export const ConversationRow = memo(function ConversationRow({
  id,
  top,
  position,
  count,
  isSelected,
  isEntrance,
  onFocus,
}: {
  id: string;
  top: number;
  position: number;
  count: number;
  isSelected: boolean;
  isEntrance: boolean;
  onFocus: (id: string) => void;
}) {
  const me = useChat((state) => state.me);
  const conversation = useConversation(id);
  const last = useMessage(conversation?.last_message_id ?? null);
  const draft = useDraft(id);
  const typing = useTyping(id);
  const other = conversation && otherOf(conversation, me);
  const isOnline = useIsOnline(other?.user_id ?? "");
  if (!conversation) return null;

  const title = titleOf(conversation, me);
  const settings = conversation.my_settings;
  const unread = conversation.unread_count;
  const isOwn = last?.sender_id === me;
  const shown = unread >= 1_000 ? "999+" : unread.toString();
  const name = [
    title,
    conversation.product?.title,
    isOnline && "online",
    unread > 0 && `${shown} unread`,
  ];

  let words;
  if (typing[0]) {
    words = <em className={styles.typing}>typing…</em>;
  } else if (draft && !isSelected) {
    words = (
      <>
        <b className={styles.draft}>Draft:</b> {draft}
      </>
    );
  } else if (last) {
    const who =
      conversation.type === "group" && last.message_type !== "system"
        ? `${isOwn ? "You" : nameIn(conversation, last.sender_id, last.sender_username)}: `
        : "";
    words = who + summaryOf(last);
  } else {
    words = "No messages yet";
  }

  return (
    <li
      className={styles.row}
      style={{ top }}
      aria-label={name.filter(Boolean).join(", ")}
      aria-posinset={position}
      aria-setsize={count}
      data-unread={unread > 0 || undefined}
    >
      <a
        href={addressOf(id)}
        data-id={id}
        tabIndex={isEntrance ? 0 : -1}
        aria-current={isSelected ? "page" : undefined}
        onFocus={() => onFocus(id)}
        onClick={(event) => {
          if (event.metaKey || event.ctrlKey || event.shiftKey) return;
          event.preventDefault();
          go(id);
        }}
      >
        <Avatar
          id={other?.user_id ?? id}
          name={title}
          url={other?.avatar_url ?? null}
          isGroup={conversation.type === "group"}
          isOnline={isOnline}
        />
        <span className={styles.text}>
          <span className={styles.line}>
            <b className={styles.title}>
              {title}
              {conversation.product && <i> · {conversation.product.title ?? "a product"}</i>}
            </b>
            {conversation.last_message_at !== null && (
              <time className={styles.time} dateTime={conversation.last_message_at}>
                {briefOf(conversation.last_message_at)}
              </time>
            )}
          </span>
          <span className={styles.line}>
            <span className={styles.words}>
              {isOwn && !draft && last.message_type !== "system" && !last.is_deleted && (
                <span aria-hidden="true">
                  <Ticks progress={progressOf(last, conversation)} />
                </span>
              )}
              <span>{words}</span>
            </span>
            {settings.favourite && <Star className={styles.mark} aria-label="Favourite" />}
            {isMuted(settings) && <BellOff className={styles.mark} aria-label="Muted" />}
            {conversation.is_blocked && <Ban className={styles.mark} aria-label="Blocked" />}
            {unread > 0 && (
              <span className={styles.badge}>
                {shown}
                <span className="visually-hidden"> unread</span>
              </span>
            )}
          </span>
        </span>
      </a>
    </li>
  );
});
