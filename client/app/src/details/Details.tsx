import { useChat, useChatStore } from "@chatserver/zustand/react";
import type { StoredConversation } from "@chatserver/zustand";
import { Ban, EyeOff, LogOut, MailOpen, Pencil, Trash2, UserPlus, X } from "lucide-react";
import { useState } from "react";

import { isAtLeast, otherOf, titleOf } from "../lib/names.js";
import { attempt } from "../lib/notices.js";
import { go } from "../lib/route.js";
import { Avatar } from "../ui/Avatar.js";
import { IconButton } from "../ui/Button.js";
import { Item } from "../ui/Item.js";
import { Confirm } from "./Confirm.js";
import { AddPeople, EditGroup } from "./GroupDialogs.js";
import styles from "./Details.module.css";
import { Members } from "./Members.js";
import { Notifications } from "./Notifications.js";
import { Pins } from "./Pins.js";
import { SharedFiles } from "./SharedFiles.js";

type Open = "add" | "edit" | "block" | keyof typeof ENDINGS | null;

/** What ends a conversation for the person, or for all. */
const ENDINGS = {
  leave: {
    verb: "Leave",
    act: "Leave",
    command: "group:leave",
    words: "You will not see its messages any more. Somebody has to add you again.",
  },
  end: {
    verb: "End",
    act: "End for everyone",
    command: "group:delete",
    words: "Nobody is a member of it after that, or can read what was said in it.",
  },
  hide: {
    verb: "Hide",
    act: "Hide",
    command: "chat:conversation_delete",
    words:
      "You will not see again what was said so far; the others still do. A new message brings it back.",
  },
} as const;

/** Everything about a conversation but its messages. */
export default function Details({
  conversation,
  onClose,
  onJump,
}: {
  conversation: StoredConversation;
  onClose: () => void;
  onJump: (messageId: string) => void;
}) {
  const { chat } = useChatStore();
  const me = useChat((state) => state.me);
  const [open, setOpen] = useState<Open>(null);
  const { id: conversationId, my_role: role } = conversation;
  const title = titleOf(conversation, me);
  const other = otherOf(conversation, me);
  const isGroup = conversation.type === "group";
  const isAdmin = isGroup && isAtLeast(role, "admin");
  const close = () => setOpen(null);

  const ending = open === "leave" || open === "end" || open === "hide" ? ENDINGS[open] : null;

  function block(isWished: boolean) {
    close();
    void attempt(chat.ask("chat:conversation_block", { conversationId, block: isWished }));
  }

  async function end(command: (typeof ENDINGS)["leave" | "end" | "hide"]["command"]) {
    if (await attempt(chat.ask(command, { conversationId }))) go(null);
    close();
  }

  return (
    <aside className={styles.details} aria-label="Details">
      <header className={styles.header}>
        <h2>Details</h2>
        <IconButton label="Close" onClick={onClose}>
          <X />
        </IconButton>
      </header>
      <div className={styles.about}>
        <Avatar
          id={other?.user_id ?? conversationId}
          name={title}
          url={other?.avatar_url ?? null}
          isGroup={isGroup}
        />
        <div>
          <h3>{title}</h3>
          <p>{conversation.description ?? (other ? `@${other.username}` : "")}</p>
        </div>
        {isAdmin && (
          <IconButton label="Edit group" onClick={() => setOpen("edit")}>
            <Pencil />
          </IconButton>
        )}
      </div>

      <Pins id={conversationId} onJump={onJump} />
      <SharedFiles id={conversationId} onJump={onJump} />
      {isGroup && (
        <>
          <Members conversation={conversation} />
          <Item icon={<UserPlus />} onPick={() => setOpen("add")}>
            Add people
          </Item>
        </>
      )}

      <Notifications conversation={conversation} />
      <div className={styles.actions}>
        <Item
          icon={<MailOpen />}
          onPick={() => {
            void attempt(chat.ask("chat:conversation_mark_unread", { conversationId }));
          }}
        >
          Mark as unread
        </Item>
        {other && (
          <Item
            icon={<Ban />}
            isDanger
            onPick={() => {
              if (conversation.blocked_by_me) block(false);
              else setOpen("block");
            }}
          >
            {conversation.blocked_by_me ? "Unblock" : `Block ${other.display_name}`}
          </Item>
        )}
        <Item icon={<EyeOff />} onPick={() => setOpen("hide")}>
          Hide with its history
        </Item>
        {isGroup && role !== "owner" && (
          <Item icon={<LogOut />} isDanger onPick={() => setOpen("leave")}>
            Leave the group
          </Item>
        )}
        {isGroup && role === "owner" && (
          <Item icon={<Trash2 />} isDanger onPick={() => setOpen("end")}>
            End the group
          </Item>
        )}
      </div>

      {open === "add" && <AddPeople conversation={conversation} onClose={close} />}
      {open === "edit" && <EditGroup conversation={conversation} onClose={close} />}
      {open === "block" && (
        <Confirm title={`Block ${title}?`} act="Block" onAct={() => block(true)} onClose={close}>
          Neither of you can write in this conversation until you unblock it.
        </Confirm>
      )}
      {ending && (
        <Confirm
          title={`${ending.verb} ${title}?`}
          act={ending.act}
          onAct={() => void end(ending.command)}
          onClose={close}
        >
          {ending.words}
        </Confirm>
      )}
    </aside>
  );
}
