import { useConversation, useTyping } from "@chatserver/zustand/react";

import { listed, nameIn } from "../lib/names.js";
import styles from "./TypingIndicator.module.css";

/** Who is typing. It has its height always, so that nothing moves. */
export function TypingIndicator({ id }: { id: string }) {
  const typing = useTyping(id);
  const conversation = useConversation(id);
  const names = typing.map(({ userId, username }) => nameIn(conversation, userId, username));
  return (
    <p className={styles.typing} role="status">
      {names.length > 0 && (
        <>
          <span className={styles.dots} aria-hidden="true">
            <i />
            <i />
            <i />
          </span>
          {`${listed(names)} ${names.length === 1 ? "is" : "are"} typing…`}
        </>
      )}
    </p>
  );
}
