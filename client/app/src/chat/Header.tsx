import { useChat } from "@chatserver/zustand/react";
import type { StoredConversation } from "@chatserver/zustand";
import { ChevronLeft, PanelRight } from "lucide-react";

import { membersOf, otherOf, titleOf } from "../lib/names.js";
import { Avatar } from "../ui/Avatar.js";
import { IconButton } from "../ui/Button.js";
import styles from "./Header.module.css";
import { PresenceIndicator } from "./PresenceIndicator.js";

/** Whom or what the conversation is with. */
export function Header({
  conversation,
  hasDetails,
  onDetails,
}: {
  conversation: StoredConversation;
  hasDetails: boolean;
  onDetails: () => void;
}) {
  const me = useChat((state) => state.me);
  const online = useChat(
    ({ presenceByUser }) =>
      conversation.participants.filter(
        ({ user_id: id }) => id !== me && presenceByUser[id] === "online",
      ).length,
  );
  const title = titleOf(conversation, me);
  const other = otherOf(conversation, me);
  const isGroup = conversation.type === "group";
  return (
    <header className={styles.header}>
      <span className={styles.back}>
        <IconButton label="Back" onClick={() => history.back()}>
          <ChevronLeft />
        </IconButton>
      </span>
      <Avatar
        id={other?.user_id ?? conversation.id}
        name={title}
        url={other?.avatar_url ?? null}
        size={36}
        isGroup={isGroup}
      />
      <div className={styles.names}>
        <h1>{title}</h1>
        <p>
          {other && <PresenceIndicator userId={other.user_id} />}
          {isGroup &&
            `${membersOf(conversation.member_count)}${online ? ` · ${online} online` : ""}${
              conversation.description ? ` · ${conversation.description}` : ""
            }`}
        </p>
      </div>
      <IconButton label="Details" aria-expanded={hasDetails} onClick={onDetails}>
        <PanelRight />
      </IconButton>
    </header>
  );
}
