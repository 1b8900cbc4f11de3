import { useChatActions } from "@chatserver/zustand/react";
import type { ShownMessage } from "@chatserver/zustand";
import { useLayoutEffect, useRef, useState } from "react";

import { isComposing } from "../lib/keys.js";
import { attempt } from "../lib/notices.js";
import styles from "./EditField.module.css";

/** The text of an own message, to be changed in its place. */
export function EditField({ message }: { message: ShownMessage }) {
  const { edit, setEditing } = useChatActions();
  const [text, setText] = useState(message.content ?? "");
  const field = useRef<HTMLTextAreaElement>(null);

  useLayoutEffect(() => {
    const element = field.current;
    element?.focus();
    element?.setSelectionRange(element.value.length, element.value.length);
  }, []);

  function close() {
    setEditing(message.conversation_id, null);
    document.querySelector<HTMLElement>("[data-composer]")?.focus();
  }

  function save() {
    const wanted = text.trim();
    if (!wanted) return;
    if (wanted !== message.content) void attempt(edit(message.id, wanted));
    close();
  }

  return (
    <div className={styles.edit}>
      <textarea
        ref={field}
        aria-label="Edit text"
        value={text}
        rows={1}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => {
          event.stopPropagation();
          if (isComposing(event)) return;
          if (event.key === "Enter" && !event.shiftKey) {
            event.preventDefault();
            save();
          } else if (event.key === "Escape") {
            event.preventDefault();
            close();
          }
        }}
      />
      <p>
        <button type="button" onClick={close}>
          Cancel
        </button>
        <button type="button" onClick={save}>
          Save
        </button>
      </p>
    </div>
  );
}
