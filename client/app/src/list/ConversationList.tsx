import { useArchivedIds, useChat, useChatStore } from "@chatserver/zustand/react";
import { useVirtualizer } from "@tanstack/react-virtual";
import { Archive, ArrowLeft, Search, SquarePen, TextSearch, Users } from "lucide-react";
import { useMemo, useRef, useState, type KeyboardEvent } from "react";
import { useShallow } from "zustand/react/shallow";

import { ConnectionBanner } from "../chat/ConnectionBanner.js";
import { useAfter } from "../lib/hooks.js";
import { summaryOf, titleOf } from "../lib/names.js";
import { go } from "../lib/route.js";
import { IconButton } from "../ui/Button.js";
import { AccountMenu } from "./AccountMenu.js";
import { ConversationRow } from "./ConversationRow.js";
import { listedOf } from "./listed.js";
import { NewConversation } from "./NewConversation.js";
import { NewGroup } from "./NewGroup.js";
import styles from "./ConversationList.module.css";

const ROW = 68;

/** The person's conversations, and the ways to begin one. */
export function ConversationList({
  selected,
  onHelp,
  onSearch,
}: {
  selected: string | null;
  onHelp: () => void;
  onSearch: () => void;
}) {
  const store = useChatStore();
  const archived = useArchivedIds();
  const others = useChat(useShallow(listedOf));
  const [showsArchived, setArchived] = useState(false);
  const isArchive = showsArchived && archived.length > 0;
  const all = isArchive ? archived : others;
  const isListed = useChat((state) => state.isListed);
  const [query, setQuery] = useState("");
  const [focused, setFocused] = useState<string | null>(null);
  const [dialog, setDialog] = useState<"conversation" | "group" | null>(null);
  const scroller = useRef<HTMLDivElement>(null);
  const isSlow = useAfter(!isListed && all.length === 0, 200);

  const ids = useMemo(() => {
    const wanted = query.trim().toLowerCase();
    if (!wanted) return all;
    const { conversations, messagesById, me } = store.getState();
    return all.filter((id) => {
      const conversation = conversations[id];
      if (!conversation) return false;
      const last = messagesById[conversation.last_message_id ?? ""];
      const texts = [
        titleOf(conversation, me),
        conversation.product?.title,
        last && summaryOf(last),
      ];
      return texts.some((text) => text?.toLowerCase().includes(wanted));
    });
  }, [all, query, store]);

  const rows = useVirtualizer({
    count: ids.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW,
    getItemKey: (index) => ids[index] ?? index,
    overscan: 6,
  });

  // The one row that Tab leads to.
  const entrance = [focused, selected].find((id) => id !== null && ids.includes(id)) ?? ids[0];

  function walk(event: KeyboardEvent) {
    const at = ids.indexOf(focused ?? entrance ?? "");
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: ids.length - 1 }[event.key];
    const id = to === undefined ? undefined : ids[to];
    if (event.altKey || to === undefined || id === undefined) return;
    event.preventDefault();
    setFocused(id);
    rows.scrollToIndex(to);
    requestAnimationFrame(() => {
      scroller.current?.querySelector<HTMLElement>(`[data-id="${CSS.escape(id)}"]`)?.focus();
    });
  }

  return (
    <nav className={styles.list} aria-label="Conversations">
      <header className={styles.header}>
        <AccountMenu onHelp={onHelp} />
        <IconButton label="Find a message" aria-keyshortcuts="Control+K" onClick={onSearch}>
          <TextSearch />
        </IconButton>
        <IconButton label="New group" onClick={() => setDialog("group")}>
          <Users />
        </IconButton>
        <IconButton label="New conversation" onClick={() => setDialog("conversation")}>
          <SquarePen />
        </IconButton>
      </header>
      <label className={styles.search}>
        <Search />
        <input
          type="search"
          aria-label="Search"
          placeholder="Search"
          value={query}
          onChange={(event) => setQuery(event.target.value)}
          onKeyDown={(event) => {
            if (event.key === "Escape") setQuery("");
            if (event.key === "Enter" && ids[0] !== undefined) go(ids[0]);
            if (event.key === "ArrowDown") walk(event);
          }}
        />
      </label>
      {archived.length > 0 && (
        <button type="button" className={styles.archive} onClick={() => setArchived(!isArchive)}>
          {isArchive ? <ArrowLeft /> : <Archive />}
          {isArchive ? "All conversations" : `Archived (${archived.length})`}
        </button>
      )}
      {/* An open conversation says it itself. */}
      <div className={styles.banner}>{selected === null && <ConnectionBanner />}</div>
      <div className={styles.scroller} ref={scroller}>
        {ids.length > 0 && (
          <ul style={{ height: rows.getTotalSize() }} onKeyDown={walk}>
            {rows.getVirtualItems().map(({ index, start }) => {
              const id = ids[index];
              return (
                id !== undefined && (
                  <ConversationRow
                    key={id}
                    id={id}
                    top={start}
                    position={index + 1}
                    count={ids.length}
                    isSelected={id === selected}
                    isEntrance={id === entrance}
                    onFocus={setFocused}
                  />
                )
              );
            })}
          </ul>
        )}
        {isSlow && (
          <div className={styles.skeletons} aria-hidden="true">
            {[0, 1, 2, 3, 4].map((key) => (
              <i key={key} />
            ))}
          </div>
        )}
        {isListed && all.length === 0 && !archived.length && (
          <p className={styles.nothing}>
            Nobody to talk to yet. Begin a conversation with the pencil above.
          </p>
        )}
        {all.length > 0 && ids.length === 0 && (
          <p className={styles.nothing}>Nothing here is called “{query.trim()}”.</p>
        )}
      </div>
      {dialog === "conversation" && <NewConversation onClose={() => setDialog(null)} />}
      {dialog === "group" && <NewGroup onClose={() => setDialog(null)} />}
    </nav>
  );
}
