import type { StoredConversation } from "@chatserver/zustand";
import { useState, type KeyboardEvent, type RefObject } from "react";

import { Avatar } from "../ui/Avatar.js";
import styles from "./Mentions.module.css";

interface Option {
  readonly name: string;
  readonly label: string;
  readonly id: string;
}

/** An @ and the letters behind it, up to the cursor. */
const BEGUN = /(?:^|[\s(\p{P}])[@＠]([\p{L}\p{N}_.-]{0,64})$/u;
const MOST = 6;

/** Completes names behind an @ in a group. */
export function useMentions(
  conversation: StoredConversation | undefined,
  me: string | null,
  field: RefObject<HTMLTextAreaElement | null>,
  onChange: (text: string) => void,
) {
  const [begun, setBegun] = useState<{ from: number; letters: string } | null>(null);
  const [at, setAt] = useState(0);

  let options: readonly Option[] = [];
  if (begun && conversation?.type === "group") {
    const letters = begun.letters.toLowerCase();
    const people = conversation.participants
      .filter(({ user_id: id }) => id !== me)
      .map(({ user_id: id, username, display_name: label }) => ({ id, name: username, label }));
    const all = { id: "everyone", name: "everyone", label: "Everyone" };
    options = [...people, all]
      .filter(
        ({ name, label }) =>
          name.toLowerCase().startsWith(letters) || label.toLowerCase().startsWith(letters),
      )
      .slice(0, MOST);
  }
  const active = Math.min(at, options.length - 1);

  function take(option: Option) {
    const element = field.current;
    if (!element || !begun) return;
    const before = element.value.slice(0, begun.from);
    const after = element.value.slice(element.selectionStart).replace(/^ /u, "");
    const cursor = before.length + option.name.length + 2;
    onChange(`${before}@${option.name} ${after}`);
    setBegun(null);
    requestAnimationFrame(() => {
      element.focus();
      element.setSelectionRange(cursor, cursor);
    });
  }

  return {
    options,
    active,
    take,
    close: () => setBegun(null),
    /** Looks whether a name is begun before the cursor. */
    look({ value, selectionStart, selectionEnd }: HTMLTextAreaElement) {
      const match = selectionStart === selectionEnd && BEGUN.exec(value.slice(0, selectionStart));
      if (!match) {
        setBegun(null);
        return;
      }
      const letters = match[1] ?? "";
      const from = selectionStart - letters.length - 1;
      if (begun?.from === from && begun.letters === letters) return;
      setBegun({ from, letters });
      setAt(0);
    },
    /** Whether a key was for the names, and is to do nothing else. */
    onKey(event: KeyboardEvent): boolean {
      const option = options[active];
      if (!option) return false;
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (step !== undefined) setAt((active + step + options.length) % options.length);
      else if (event.key === "Enter" || event.key === "Tab") take(option);
      else if (event.key === "Escape") setBegun(null);
      else return false;
      event.preventDefault();
      event.stopPropagation();
      return true;
    },
  };
}

/** The names that may be meant. */
export function Mentions({ state }: { state: ReturnType<typeof useMentions> }) {
  if (!state.options.length) return null;
  return (
    <div className={styles.options} id="mentions" role="listbox" aria-label="People to mention">
      {state.options.map((option, index) => (
        <div
          key={option.id}
          id={`mention-${index}`}
          role="option"
          aria-selected={index === state.active}
          aria-label={option.label}
          // The field keeps the focus.
          onMouseDown={(event) => event.preventDefault()}
          onClick={() => state.take(option)}
        >
          <Avatar id={option.id} name={option.label} size={28} />
          <span>{option.label}</span>
          <small>@{option.name}</small>
        </div>
      ))}
    </div>
  );
}
