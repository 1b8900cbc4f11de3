import { useChat, useChatActions, useChatStore, useConversation } from "@chatserver/zustand/react";
import { lazy, Suspense, useEffect, useRef, useState } from "react";

import { DropZone } from "../composer/DropZone.js";
import { MessageComposer } from "../composer/MessageComposer.js";
import { useAttach } from "../composer/useAttach.js";
import { useEvent, useMedia } from "../lib/hooks.js";
import { nameIn, summaryOf, titleOf } from "../lib/names.js";
import { say } from "../lib/notices.js";
import { Boundary } from "../ui/Boundary.js";
import styles from "./ChatWindow.module.css";
import { ConnectionBanner } from "./ConnectionBanner.js";
import { Header } from "./Header.js";
import { MessageList, type Jump } from "./MessageList.js";
import { PinnedBar } from "./PinnedBar.js";
import { ProductCard } from "./ProductCard.js";
import { TypingIndicator } from "./TypingIndicator.js";

const Details = lazy(() => import("../details/Details.js"));
const nowhere: Jump = { show: () => undefined, toEnd: () => undefined };

/** One conversation: whom it is with, its messages, and the field to write in. */
export function ChatWindow({ id }: { id: string }) {
  const store = useChatStore();
  const { chat } = store;
  const { setReplyTo, setEditing } = useChatActions();
  const attachFiles = useAttach(id);
  const me = useChat((state) => state.me);
  const conversation = useConversation(id);
  const [hasDetails, setDetails] = useState(false);
  const isWide = useMedia("(min-width: 1100px)");
  const jump = useRef<Jump>({ ...nowhere });

  // Screen readers are told of what others write here.
  useEffect(
    () =>
      chat.on("push", ({ event, data }) => {
        if (event !== "chat:message_received" || data.conversation_id !== id) return;
        const { conversations, me: now } = store.getState();
        if (data.sender_id === now) return;
        const name = nameIn(conversations[id], data.sender_id, data.sender_username);
        say(`${name}: ${summaryOf(data)}`);
      }),
    [chat, id, store],
  );

  const onKey = useEvent((event: KeyboardEvent) => {
    if (event.key !== "Escape" || event.shiftKey || event.defaultPrevented) return;
    if (document.querySelector("dialog[open], :popover-open")) return;
    const { replyTo, editing } = store.getState();
    if (editing[id] !== undefined) setEditing(id, null);
    else if (replyTo[id] !== undefined) setReplyTo(id, null);
    else if (hasDetails && !isWide) setDetails(false);
    else jump.current.toEnd();
  });
  useEffect(() => {
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, [onKey]);

  if (!conversation) return null;
  const title = titleOf(conversation, me);
  return (
    <div className={styles.window} data-details={hasDetails || undefined}>
      <DropZone className={styles.chat} isOpen={!conversation.is_blocked} onFiles={attachFiles}>
        <Header
          conversation={conversation}
          hasDetails={hasDetails}
          onDetails={() => setDetails(!hasDetails)}
        />
        {conversation.product && <ProductCard product={conversation.product} />}
        <PinnedBar id={id} onJump={(message) => jump.current.show(message)} />
        <div className={styles.messages}>
          <ConnectionBanner />
          <Boundary>
            <MessageList id={id} title={title} jump={jump.current} />
          </Boundary>
        </div>
        <div className={styles.foot}>
          <TypingIndicator id={id} />
          <MessageComposer id={id} title={title} />
        </div>
      </DropZone>
      {hasDetails && (
        <Boundary className={styles.beside}>
          <Suspense fallback={<aside aria-label="Details" aria-busy />}>
            <Details
              conversation={conversation}
              onClose={() => setDetails(false)}
              onJump={(message) => {
                if (!isWide) setDetails(false);
                jump.current.show(message);
              }}
            />
          </Suspense>
        </Boundary>
      )}
    </div>
  );
}
