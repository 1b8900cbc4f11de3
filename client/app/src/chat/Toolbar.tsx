import { useChatActions, useConversation } from "@chatserver/zustand/react";
import type { ShownMessage } from "@chatserver/zustand";
import { Copy, Ellipsis, Pencil, Pin, PinOff, Reply, SmilePlus, Trash2 } from "lucide-react";
import { lazy, Suspense, useCallback, useRef, useState } from "react";

import { isAtLeast } from "../lib/names.js";
import { attempt } from "../lib/notices.js";
import { IconButton } from "../ui/Button.js";
import { Item } from "../ui/Item.js";
import { Popover } from "../ui/Popover.js";
import { QUICK } from "./quick.js";
import styles from "./Toolbar.module.css";

const EmojiGrid = lazy(() => import("./EmojiGrid.js"));

/** How long after it was sent a message may be edited, in ms; the server has the last word. */
const EDITABLE = 5 * 60_000;

type Panel = "react" | "delete" | "more" | null;

/** What may be done about a message. */
export function Toolbar({
  message,
  isOwn,
  isOpen,
  onOpen,
}: {
  message: ShownMessage;
  isOwn: boolean;
  /** Its menu is open, as by a long press. */
  isOpen: boolean;
  onOpen: (isOpen: boolean) => void;
}) {
  const { id, conversation_id: conversationId } = message;
  const { react, setReplyTo, setEditing, pin, erase, hide } = useChatActions();
  const conversation = useConversation(conversationId);
  const [panel, setPanel] = useState<Panel>(null);
  const [isAll, setAll] = useState(false);
  const bar = useRef<HTMLDivElement>(null);
  const open = isOpen && panel === null ? "more" : panel;

  const isModerator =
    conversation?.type === "group" && isAtLeast(conversation.my_role, "moderator");
  const mayPin = conversation?.type === "direct" || isModerator;
  const mayErase = isOwn || isModerator;
  const mayEdit =
    isOwn && message.content !== null && Date.now() - Date.parse(message.created_at) < EDITABLE;
  const isBlocked = conversation?.is_blocked ?? true;

  const close = useCallback(() => {
    setPanel(null);
    setAll(false);
    onOpen(false);
  }, [onOpen]);
  const show = (next: Panel) => {
    setPanel(next);
    onOpen(next !== null);
  };
  const then = (work: () => void) => () => {
    close();
    work();
  };
  const reply = then(() => {
    setReplyTo(conversationId, id);
    document.querySelector<HTMLElement>("[data-composer]")?.focus();
  });
  /** Erases it: the buttons go, and the message has the focus that they had. */
  const eraseIt = then(() => {
    bar.current?.closest("article")?.focus({ preventScroll: true });
    void attempt(erase(id));
  });
  const hideIt = then(() => {
    document.querySelector<HTMLElement>("[data-composer]")?.focus({ preventScroll: true });
    void attempt(hide(id));
  });
  const edit = then(() => setEditing(conversationId, id));
  const turnPin = then(() => void attempt(pin(id, !message.is_pinned)));
  const pick = (emoji: string) => then(() => void attempt(react(id, emoji)))();
  const pinLabel = message.is_pinned ? "Unpin" : "Pin";
  const PinIcon = message.is_pinned ? PinOff : Pin;

  return (
    <div className={styles.bar} ref={bar} role="toolbar" aria-label="Message actions">
      {!isBlocked && (
        <IconButton label="React" aria-expanded={open === "react"} onClick={() => show("react")}>
          <SmilePlus />
        </IconButton>
      )}
      {!isBlocked && (
        <IconButton label="Reply" onClick={reply}>
          <Reply />
        </IconButton>
      )}
      {mayEdit && (
        <IconButton label="Edit" onClick={edit}>
          <Pencil />
        </IconButton>
      )}
      {mayPin && (
        <IconButton label={pinLabel} onClick={turnPin}>
          <PinIcon />
        </IconButton>
      )}
      <IconButton label="Delete" aria-expanded={open === "delete"} onClick={() => show("delete")}>
        <Trash2 />
      </IconButton>
      <IconButton label="More" aria-expanded={open === "more"} onClick={() => show("more")}>
        <Ellipsis />
      </IconButton>

      {open === "react" && (
        <Popover anchor={bar} label="Reactions" onClose={close}>
          <div className={styles.quick}>
            {QUICK.map(([emoji, name]) => (
              <button key={emoji} type="button" aria-label={name} onClick={() => pick(emoji)}>
                {emoji}
              </button>
            ))}
            {!isAll && (
              <IconButton label="All emoji" onClick={() => setAll(true)}>
                <Ellipsis />
              </IconButton>
            )}
          </div>
          {isAll && (
            <Suspense fallback={null}>
              <EmojiGrid onPick={pick} />
            </Suspense>
          )}
        </Popover>
      )}
      {open === "delete" && (
        <Popover anchor={bar} label="Delete" onClose={close}>
          <Item icon={<Trash2 />} onPick={hideIt}>
            Delete for me
          </Item>
          {mayErase && (
            <Item icon={<Trash2 />} isDanger onPick={eraseIt}>
              Delete for everyone
            </Item>
          )}
        </Popover>
      )}
      {open === "more" && (
        <Popover anchor={bar} label="Message" onClose={close}>
          {!isBlocked && (
            <div className={styles.quick}>
              {QUICK.map(([emoji, name]) => (
                <button key={emoji} type="button" aria-label={name} onClick={() => pick(emoji)}>
                  {emoji}
                </button>
              ))}
            </div>
          )}
          {!isBlocked && (
            <Item icon={<Reply />} onPick={reply}>
              Reply
            </Item>
          )}
          {mayEdit && (
            <Item icon={<Pencil />} onPick={edit}>
              Edit
            </Item>
          )}
          {message.content !== null && (
            <Item
              icon={<Copy />}
              onPick={then(() => {
                void attempt(navigator.clipboard.writeText(message.content ?? ""));
              })}
            >
              Copy text
            </Item>
          )}
          {mayPin && (
            <Item icon={<PinIcon />} onPick={turnPin}>
              {pinLabel}
            </Item>
          )}
          <Item icon={<Trash2 />} isDanger onPick={() => show("delete")}>
            Delete
          </Item>
        </Popover>
      )}
    </div>
  );
}
