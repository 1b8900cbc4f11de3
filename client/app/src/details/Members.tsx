import type { Participant } from "@chatserver/client";
import { useChat, useChatActions, useChatStore, useIsOnline } from "@chatserver/zustand/react";
import type { StoredConversation } from "@chatserver/zustand";
import { Crown, Ellipsis, MessageCircle, ShieldCheck, ShieldMinus, UserMinus } from "lucide-react";
import { useCallback, useRef, useState } from "react";

import { isAtLeast, membersOf } from "../lib/names.js";
import { attempt } from "../lib/notices.js";
import { go } from "../lib/route.js";
import { Avatar } from "../ui/Avatar.js";
import { IconButton } from "../ui/Button.js";
import { Item } from "../ui/Item.js";
import { Popover } from "../ui/Popover.js";
import { Confirm } from "./Confirm.js";
import styles from "./Details.module.css";

/** What is asked about before it is done to a member. */
const CHANGES = {
  transfer: {
    title: (name: string) => `Hand the group over to ${name}?`,
    act: "Hand over",
    command: "group:transfer",
    words: (name: string) => `${name} is its owner then, and alone may give it back to you.`,
  },
  remove: {
    title: (name: string) => `Remove ${name} from the group?`,
    act: "Remove",
    command: "group:member_remove",
    words: (name: string) =>
      `${name} will not see its messages any more. Somebody has to add them again.`,
  },
} as const;

/** The members of a group with their roles. */
export function Members({ conversation }: { conversation: StoredConversation }) {
  const { participants, member_count: count } = conversation;
  return (
    <section className={styles.section} aria-label="Members">
      <h3>{membersOf(count)}</h3>
      <ul>
        {participants.map((member) => (
          <Member key={member.user_id} member={member} conversation={conversation} />
        ))}
      </ul>
      {count > participants.length && <p>and {count - participants.length} more</p>}
    </section>
  );
}

function Member({
  member,
  conversation,
}: {
  member: Participant;
  conversation: StoredConversation;
}) {
  const { chat } = useChatStore();
  const { openDirect } = useChatActions();
  const me = useChat((state) => state.me);
  const isOnline = useIsOnline(member.user_id);
  const [isOpen, setOpen] = useState(false);
  const [asked, setAsked] = useState<keyof typeof CHANGES | null>(null);
  const button = useRef<HTMLButtonElement>(null);
  const close = useCallback(() => setOpen(false), []);

  const { id: conversationId, my_role: mine } = conversation;
  const { user_id: userId, role, display_name: name } = member;
  const isMe = userId === me;
  const isOwner = mine === "owner";
  const mayRemove = isAtLeast(mine, "admin") && !isAtLeast(role, mine);
  const then = (work: () => Promise<unknown>) => () => {
    close();
    void attempt(work());
  };
  const askFor = (one: keyof typeof CHANGES) => () => {
    close();
    setAsked(one);
  };
  const asks = asked && CHANGES[asked];
  const change = { conversationId, userId };

  return (
    <li className={styles.member} aria-label={`${name}, ${role}`}>
      <Avatar id={userId} name={name} url={member.avatar_url} size={28} isOnline={isOnline} />
      <span>
        {name}
        {isMe && " (you)"}
      </span>
      {role !== "member" && <span className={styles.role}>{role}</span>}
      {!isMe && (
        <IconButton
          ref={button}
          label={`Actions for ${name}`}
          aria-expanded={isOpen}
          onClick={() => setOpen(true)}
        >
          <Ellipsis />
        </IconButton>
      )}
      {isOpen && (
        <Popover anchor={button} label={name} onClose={close}>
          <Item icon={<MessageCircle />} onPick={then(async () => go(await openDirect(userId)))}>
            Write to {name}
          </Item>
          {isOwner && role === "member" && (
            <Item
              icon={<ShieldCheck />}
              onPick={then(() => chat.ask("group:promote", { ...change, role: "moderator" }))}
            >
              Make moderator
            </Item>
          )}
          {isOwner && !isAtLeast(role, "admin") && (
            <Item
              icon={<ShieldCheck />}
              onPick={then(() => chat.ask("group:promote", { ...change, role: "admin" }))}
            >
              Make admin
            </Item>
          )}
          {isOwner && role !== "member" && (
            <Item
              icon={<ShieldMinus />}
              onPick={then(() => chat.ask("group:demote", { ...change, role: "member" }))}
            >
              Make member
            </Item>
          )}
          {isOwner && (
            <Item icon={<Crown />} onPick={askFor("transfer")}>
              Hand the group over
            </Item>
          )}
          {mayRemove && (
            <Item icon={<UserMinus />} isDanger onPick={askFor("remove")}>
              Remove from the group
            </Item>
          )}
        </Popover>
      )}
      {asks && (
        <Confirm
          title={asks.title(name)}
          act={asks.act}
          onAct={() => {
            setAsked(null);
            void attempt(chat.ask(asks.command, change));
          }}
          onClose={() => setAsked(null)}
        >
          {asks.words(name)}
        </Confirm>
      )}
    </li>
  );
}
