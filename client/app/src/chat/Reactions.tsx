import { useChat, useChatActions } from "@chatserver/zustand/react";
import type { ShownMessage } from "@chatserver/zustand";
import { useShallow } from "zustand/react/shallow";

import { nameIn } from "../lib/names.js";
import { attempt } from "../lib/notices.js";
import styles from "./Reactions.module.css";

/** The reactions to a message, each once with how many there are. */
export function Reactions({ message }: { message: ShownMessage }) {
  const { react } = useChatActions();
  const me = useChat((state) => state.me);
  const names = useChat(
    useShallow(({ conversations }) =>
      message.reactions.map(({ user_id: user, username }) =>
        nameIn(conversations[message.conversation_id], user, username),
      ),
    ),
  );
  const chips = new Map<string, { names: string[]; isMine: boolean }>();
  for (const [index, { user_id: user, username, reaction }] of message.reactions.entries()) {
    const chip = chips.get(reaction) ?? { names: [], isMine: false };
    chip.names.push(user === me ? "You" : (names[index] ?? username));
    chip.isMine ||= user === me;
    chips.set(reaction, chip);
  }
  return (
    <div className={styles.chips}>
      {[...chips].map(([reaction, { names: who, isMine }]) => (
        <button
          key={reaction}
          type="button"
          className={styles.chip}
          aria-pressed={isMine}
          aria-label={`${reaction} ${who.length}`}
          title={who.join(", ")}
          onClick={() => void attempt(react(message.id, reaction))}
        >
          <i>{reaction}</i>
          <span>{who.length}</span>
        </button>
      ))}
    </div>
  );
}
