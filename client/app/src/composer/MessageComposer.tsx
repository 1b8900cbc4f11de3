import {
  useAttachments,
  useChat,
  useChatActions,
  useChatStore,
  useConversation,
  useDraft,
  useMessage,
} from "@chatserver/zustand/react";
import { Megaphone, Mic, Paperclip, SendHorizontal, Smile, X } from "lucide-react";
import { lazy, Suspense, useEffect, useRef, useState, type KeyboardEvent } from "react";

import { useIsTouch } from "../lib/hooks.js";
import { isAtLeast, nameIn, otherOf, summaryOf } from "../lib/names.js";
import { isComposing } from "../lib/keys.js";
import { attempt, notify } from "../lib/notices.js";
import { IconButton } from "../ui/Button.js";
import { Popover } from "../ui/Popover.js";
import { Attachments } from "./Attachments.js";
import { Mentions, useMentions } from "./Mentions.js";
import styles from "./MessageComposer.module.css";
import { useAttach } from "./useAttach.js";

const EmojiGrid = lazy(() => import("../chat/EmojiGrid.js"));
const VoiceRecorder = lazy(() => import("./VoiceRecorder.js"));
const MOST = 10_000;
/** Only where the page comes by HTTPS, or from this machine. */
const canRecord = "mediaDevices" in navigator && typeof MediaRecorder === "function";

/** The field to write in. What is written stays, whatever becomes of the page. */
export function MessageComposer({ id, title }: { id: string; title: string }) {
  const store = useChatStore();
  const { attach, send, setDraft, setReplyTo, setEditing } = useChatActions();
  const me = useChat((state) => state.me);
  const conversation = useConversation(id);
  const draft = useDraft(id);
  const answered = useMessage(useChat((state) => state.replyTo[id] ?? null));
  const most = store.chat.session?.limits.maxMessageLength ?? MOST;
  const isTouch = useIsTouch();
  const field = useRef<HTMLTextAreaElement>(null);
  const emoji = useRef<HTMLButtonElement>(null);
  const [showsEmoji, setEmoji] = useState(false);
  const [isRecording, setRecording] = useState(false);
  const picker = useRef<HTMLInputElement>(null);
  const attachments = useAttachments(id);
  const attachFiles = useAttach(id);
  const [isAnnouncing, setAnnouncing] = useState(false);
  const mentions = useMentions(conversation, me, field, (text) => setDraft(id, text));

  // Whoever opens a conversation, or answers, wants to write; on touch the keyboard would cover it.
  const answeredId = answered?.id;
  useEffect(() => {
    if (!isTouch) field.current?.focus();
  }, [answeredId, isTouch]);

  if (!conversation) return null;
  const length = draft.length > most ? Array.from(draft).length : draft.length;
  const isTooLong = length > most;
  // An announcement is a text alone; whatever is attached waits.
  const hasFiles = attachments.length > 0 && !isAnnouncing;
  const isReady = !hasFiles || attachments.every(({ state }) => state === "ready");
  const maySend = (draft.trim() !== "" || hasFiles) && isReady && !isTooLong;
  const other = otherOf(conversation, me);
  const mayAnnounce = conversation.type === "group" && isAtLeast(conversation.my_role, "admin");

  if (conversation.is_blocked) {
    const name = other?.display_name ?? title;
    return (
      <div className={styles.blocked}>
        <textarea
          aria-label="Message"
          disabled
          rows={1}
          value={
            conversation.blocked_by_me ? `You have blocked ${name}.` : `${name} has blocked you.`
          }
          readOnly
        />
        {conversation.blocked_by_me && (
          <button type="button" onClick={() => void attempt(unblock())}>
            Unblock
          </button>
        )}
      </div>
    );
  }

  async function unblock() {
    await store.chat.ask("chat:conversation_block", { conversationId: id, block: false });
    if (other) await store.chat.ask("user:unblock", { userId: other.user_id });
  }

  function submit() {
    const content = draft.trim();
    if (!maySend) return;
    if (isAnnouncing) {
      void attempt(store.chat.ask("group:announce", { conversationId: id, content })).then(
        (isDone) => {
          if (!isDone) return;
          setDraft(id, "");
          setAnnouncing(false);
        },
      );
      return;
    }
    send(id, content ? { content } : {});
    mentions.close();
    field.current?.focus();
  }

  function editLast() {
    const { messageIdsByConversation, messagesById } = store.getState();
    const last = messageIdsByConversation[id]?.findLast((one) => {
      const message = messagesById[one];
      return message?.sender_id === me && !message.pending && !message.is_deleted;
    });
    if (last !== undefined) setEditing(id, last);
  }

  function onKey(event: KeyboardEvent<HTMLTextAreaElement>) {
    if (isComposing(event)) return;
    if (mentions.onKey(event)) return;
    if (event.key === "Enter" && !event.shiftKey && !isTouch) {
      event.preventDefault();
      submit();
    } else if (event.key === "ArrowUp" && !draft && !event.altKey) {
      event.preventDefault();
      editLast();
    }
  }

  function insert(text: string) {
    const element = field.current;
    const at = element?.selectionStart ?? draft.length;
    setDraft(id, draft.slice(0, at) + text + draft.slice(element?.selectionEnd ?? at));
    setEmoji(false);
    requestAnimationFrame(() => {
      element?.focus();
      element?.setSelectionRange(at + text.length, at + text.length);
    });
  }

  return (
    <form
      className={styles.composer}
      data-announcing={isAnnouncing || undefined}
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      {answered && (
        <div className={styles.answered}>
          <p>
            <b>Reply to {nameIn(conversation, answered.sender_id, answered.sender_username)}</b>
            <span>{summaryOf(answered)}</span>
          </p>
          <IconButton label="Cancel" onClick={() => setReplyTo(id, null)}>
            <X />
          </IconButton>
        </div>
      )}
      <Mentions state={mentions} />
      <Attachments id={id} />
      {isRecording && (
        <div className={styles.line}>
          <Suspense fallback={null}>
            <VoiceRecorder
              onCancel={(why) => {
                setRecording(false);
                if (why !== undefined) notify(why);
              }}
              onRecorded={({ file, ...about }) => {
                setRecording(false);
                attach(id, file, about);
              }}
            />
          </Suspense>
        </div>
      )}
      <div className={styles.line} hidden={isRecording}>
        <IconButton label="Attach" onClick={() => picker.current?.click()}>
          <Paperclip />
        </IconButton>
        <input
          ref={picker}
          type="file"
          multiple
          hidden
          onChange={({ target }) => {
            attachFiles(target.files ?? []);
            // The same file may be chosen again.
            target.value = "";
          }}
        />
        <textarea
          ref={field}
          data-composer
          aria-label="Message"
          aria-autocomplete="list"
          aria-controls={mentions.options.length ? "mentions" : undefined}
          aria-activedescendant={mentions.options.length ? `mention-${mentions.active}` : undefined}
          aria-invalid={isTooLong || undefined}
          aria-describedby={isTooLong ? "too-long" : undefined}
          placeholder={isAnnouncing ? `Announce to ${title}` : `Write to ${title}`}
          rows={1}
          value={draft}
          dir="auto"
          onChange={(event) => {
            setDraft(id, event.target.value);
            mentions.look(event.target);
          }}
          onSelect={(event) => mentions.look(event.currentTarget)}
          onKeyDown={onKey}
          onPaste={(event) => {
            if (!event.clipboardData.files.length) return;
            event.preventDefault();
            attachFiles(event.clipboardData.files);
          }}
          onBlur={() => {
            mentions.close();
            store.chat.typing(id, false);
          }}
        />
        {mayAnnounce && (
          <IconButton
            label="Announce"
            aria-pressed={isAnnouncing}
            onClick={() => setAnnouncing(!isAnnouncing)}
          >
            <Megaphone />
          </IconButton>
        )}
        <IconButton
          ref={emoji}
          label="Emoji"
          aria-expanded={showsEmoji}
          onClick={() => setEmoji(true)}
        >
          <Smile />
        </IconButton>
        {!draft && !hasFiles && !isAnnouncing && canRecord && (
          <IconButton label="Record a voice message" onClick={() => setRecording(true)}>
            <Mic />
          </IconButton>
        )}
        <button
          type="submit"
          className={styles.send}
          aria-label="Send"
          title="Send"
          disabled={!maySend}
        >
          <SendHorizontal />
        </button>
      </div>
      {isTooLong && (
        <p className={styles.problem} id="too-long" role="alert">
          {length.toLocaleString()} characters: a message has at most {most.toLocaleString()}.
        </p>
      )}
      {showsEmoji && (
        <Popover anchor={emoji} label="Emoji" onClose={() => setEmoji(false)}>
          <Suspense fallback={null}>
            <EmojiGrid onPick={insert} />
          </Suspense>
        </Popover>
      )}
    </form>
  );
}
