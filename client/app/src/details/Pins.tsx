import type { Message } from "@chatserver/client";
import { useChat, useChatStore, useConversation } from "@chatserver/zustand/react";
import { useEffect, useState } from "react";

import { nameIn, summaryOf } from "../lib/names.js";
import styles from "./Details.module.css";

/** The pinned messages of a conversation, asked for again whenever one is pinned or a pin is removed. */
export function Pins({ id, onJump }: { id: string; onJump: (messageId: string) => void }) {
  const { chat } = useChatStore();
  const conversation = useConversation(id);
  const isOnline = useChat((state) => state.status === "online");
  const [pins, setPins] = useState<readonly Message[]>([]);

  useEffect(() => {
    let isOver = false;
    const load = () => {
      chat
        .ask("chat:pins", { conversationId: id, limit: 50 })
        .then(({ messages }) => {
          if (!isOver) setPins(messages);
        })
        .catch(() => undefined);
    };
    if (isOnline) load();
    const stop = chat.on("push", ({ event, data }) => {
      const isPin = event === "chat:message_pinned" || event === "chat:message_unpinned";
      if (isPin && data.conversationId === id) load();
    });
    return () => {
      isOver = true;
      stop();
    };
  }, [chat, id, isOnline]);

  if (!pins.length) return null;
  return (
    <section className={styles.section} aria-label="Pinned messages">
      <h3>Pinned</h3>
      {pins.map((message) => (
        <button
          key={message.id}
          type="button"
          className={styles.pin}
          onClick={() => onJump(message.id)}
        >
          <b>{nameIn(conversation, message.sender_id, message.sender_username)}</b>
          <span>{summaryOf(message)}</span>
        </button>
      ))}
    </section>
  );
}
