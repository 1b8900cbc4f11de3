import { createSearch, isSearchable, type Found } from "@chatserver/zustand";
import { useChat, useChatStore, useConversation } from "@chatserver/zustand/react";
import { useEffect, useMemo, useRef, useState, type KeyboardEvent } from "react";
import { useStore } from "zustand";

import { jumpTo } from "../lib/jump.js";
import { isComposing } from "../lib/keys.js";
import { nameIn, otherOf, titleOf } from "../lib/names.js";
import { reasonOf } from "../lib/notices.js";
import { go } from "../lib/route.js";
import { briefOf, fullTimeOf } from "../lib/time.js";
import { Avatar } from "../ui/Avatar.js";
import { Dialog } from "../ui/Dialog.js";
import { Marked } from "./Marked.js";
import styles from "./SearchDialog.module.css";

const MOST_CONVERSATIONS = 4;
/** How near to its end the list asks for more, in px. */
const NEAR = 200;
const everywhere = {};

/** Finds conversations by what they are called, and messages by what they say; leads to what is chosen. */
export default function SearchDialog({
  selected,
  onClose,
}: {
  selected: string | null;
  onClose: () => void;
}) {
  const store = useChatStore();
  const search = useMemo(() => createSearch(store.chat), [store]);
  useEffect(() => () => search.destroy(), [search]);
  const { query, results, isLoading, isComplete, error, actions } = useStore(search);
  const here = useConversation(selected ?? "");
  const me = useChat((state) => state.me);
  const conversations = useChat((state) => state.conversations);
  const [isHere, setHere] = useState(false);
  const [active, setActive] = useState(0);
  const list = useRef<HTMLDivElement>(null);

  const named = useMemo(() => {
    const wanted = query.trim().toLowerCase();
    if (!wanted || isHere) return [];
    return Object.values(conversations)
      .filter((one) => titleOf(one, me).toLowerCase().includes(wanted))
      .slice(0, MOST_CONVERSATIONS);
  }, [query, isHere, conversations, me]);
  const count = named.length + results.length;

  function look(text: string, within: boolean) {
    setActive(0);
    setHere(within);
    actions.look(text, within && selected !== null ? { conversationId: selected } : everywhere);
  }

  function open(index: number) {
    const conversation = named[index];
    const found = results[index - named.length];
    if (conversation) go(conversation.id);
    else if (found) jumpTo(found.message);
    else return;
    onClose();
  }

  function onKey(event: KeyboardEvent) {
    if (isComposing(event)) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined) {
      event.preventDefault();
      const to = Math.max(0, Math.min(count - 1, active + step));
      setActive(to);
      document.getElementById(`found-${to}`)?.scrollIntoView({ block: "nearest" });
      if (to >= count - 3) void actions.more();
    } else if (event.key === "Enter") {
      event.preventDefault();
      open(active);
    }
  }

  const option = (index: number) => ({
    id: `found-${index}`,
    role: "option",
    "aria-selected": index === active,
    className: styles.result,
    onClick: () => open(index),
    onPointerMove: () => setActive(index),
  });
  const isNone = isSearchable(query) && !isLoading && !error && isComplete && !results.length;

  return (
    <Dialog title="Search" onClose={onClose}>
      <div className={styles.form}>
        <input
          type="search"
          aria-label="Search"
          aria-controls="found"
          aria-activedescendant={count ? `found-${active}` : undefined}
          placeholder="Words of a message, or a name"
          value={query}
          maxLength={100}
          autoComplete="off"
          autoFocus
          onChange={(event) => look(event.target.value, isHere)}
          onKeyDown={onKey}
        />
        {here && (
          <button
            type="button"
            className={styles.filter}
            aria-pressed={isHere}
            onClick={() => look(query, !isHere)}
          >
            Only in {titleOf(here, me)}
          </button>
        )}
      </div>
      <div
        ref={list}
        className={styles.results}
        id="found"
        role="listbox"
        aria-label="What was found"
        aria-busy={isLoading}
        onScroll={({ currentTarget: at }) => {
          if (at.scrollHeight - at.scrollTop - at.clientHeight < NEAR) void actions.more();
        }}
      >
        {named.map((conversation, index) => (
          <div key={conversation.id} {...option(index)}>
            <Avatar
              id={otherOf(conversation, me)?.user_id ?? conversation.id}
              name={titleOf(conversation, me)}
              size={28}
              isGroup={conversation.type === "group"}
            />
            <span className={styles.text}>{titleOf(conversation, me)}</span>
          </div>
        ))}
        {results.map((found, index) => (
          <div key={found.message.id} {...option(named.length + index)}>
            <Result found={found} />
          </div>
        ))}
      </div>
      <div role="status">
        {isLoading && <p className={styles.note}>Searching…</p>}
        {isNone && <p className={styles.note}>No message says “{query.trim()}”.</p>}
        {error && (
          <p className={styles.note}>
            {reasonOf(error)}{" "}
            <button type="button" onClick={() => void actions.more()}>
              Try again
            </button>
          </p>
        )}
        {!isLoading && !error && !isComplete && (
          <p className={styles.note}>
            <button type="button" onClick={() => void actions.more()}>
              Search further back
            </button>
          </p>
        )}
      </div>
    </Dialog>
  );
}

function Result({ found: { message, ranges } }: { found: Found }) {
  const conversation = useConversation(message.conversation_id);
  const me = useChat((state) => state.me);
  const isOwn = message.sender_id === me;
  const name = nameIn(conversation, message.sender_id, message.sender_username);
  return (
    <>
      <Avatar id={message.sender_id} name={name} size={36} />
      <span className={styles.text}>
        <span className={styles.line}>
          <b>
            {isOwn ? "You" : name}
            {conversation && <i> in {titleOf(conversation, me)}</i>}
          </b>
          <time dateTime={message.created_at} title={fullTimeOf(message.created_at)}>
            {briefOf(message.created_at)}
          </time>
        </span>
        <Marked text={message.content ?? ""} ranges={ranges} />
      </span>
    </>
  );
}
