import { useChat, useChatActions, useChatStore } from "@chatserver/zustand/react";
import { MessageCircle } from "lucide-react";
import { lazy, Suspense, useEffect, useState } from "react";

import { ChatWindow } from "./chat/ChatWindow.js";
import { useEvent, useMedia } from "./lib/hooks.js";
import { titleOf } from "./lib/names.js";
import { go, useRoute } from "./lib/route.js";
import { ConversationList } from "./list/ConversationList.js";
import { closeNotifications, showBadge } from "./lib/push.js";
import { listedOf } from "./list/listed.js";
import { signOut, useSession } from "./session.js";
import { ShortcutsDialog } from "./Shortcuts.js";
import { AskToNotify } from "./ui/AskToNotify.js";
import { Boundary } from "./ui/Boundary.js";
import styles from "./Shell.module.css";

const SearchDialog = lazy(() => import("./search/SearchDialog.js"));

/** The list, and the conversation that is open. On a phone one of them at a time. */
export function Shell() {
  const store = useChatStore();
  const selected = useRoute();
  const { select, read } = useChatActions();
  const [showsHelp, setHelp] = useState(false);
  const [searches, setSearches] = useState(false);
  const isPhone = useMedia("(max-width: 719px)");
  const status = useChat((state) => state.status);
  // Only those who were online once have a user.
  const isByToken = useSession((state) => state.isByToken);
  const wasOnline = useChat((state) => state.user !== null);
  const exists = useChat((state) => selected !== null && selected in state.conversations);
  const isListed = useChat((state) => state.isListed);

  useEffect(() => {
    if (selected === null || exists) void select(selected).catch(() => undefined);
  }, [selected, exists, select]);

  // A conversation that is gone: left, deleted, or none of the person's.
  const isGone = selected !== null && !exists && isListed && status === "online";
  useEffect(() => {
    if (!isGone) return;
    const timer = setTimeout(() => go(null), 1_000);
    return () => clearTimeout(timer);
  }, [isGone]);

  useEffect(() => {
    if (status !== "signedOut") return;
    signOut(
      isByToken && !wasOnline
        ? "The server does not accept this token. Is it whole, and still good?"
        : "Your session has ended. Sign in again.",
    );
  }, [status, wasOnline, isByToken]);

  const unread = useChat((state) =>
    state.conversationOrder.reduce(
      (sum, id) => sum + (state.conversations[id]?.unread_count ?? 0),
      0,
    ),
  );
  const waiting = useChat(
    ({ conversations }) =>
      Object.values(conversations).filter(({ unread_count: count }) => count > 0).length,
  );
  useEffect(() => showBadge(waiting), [waiting]);
  useEffect(() => {
    if (selected !== null) void closeNotifications(selected).catch(() => undefined);
  }, [selected]);
  const title = useChat(({ conversations, me }) => {
    const conversation = conversations[selected ?? ""];
    return conversation ? titleOf(conversation, me) : "Chat";
  });
  useEffect(() => {
    document.title = unread ? `(${unread}) ${title}` : title;
  }, [unread, title]);

  const onKey = useEvent((event: KeyboardEvent) => {
    const isTyping = event.target instanceof Element && event.target.matches("input, textarea");
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
      event.preventDefault();
      if (!document.querySelector("dialog[open]")) setSearches(true);
    } else if (event.altKey && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
      event.preventDefault();
      const ids = listedOf(store.getState());
      const at = selected === null ? -1 : ids.indexOf(selected);
      const next = ids[event.key === "ArrowDown" ? at + 1 : Math.max(0, at - 1)];
      if (next !== undefined) go(next);
    } else if (event.shiftKey && event.key === "Escape" && selected !== null) {
      event.preventDefault();
      read(selected);
    } else if (event.key === "?" && !isTyping) {
      setHelp(true);
    }
  });
  useEffect(() => {
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, [onKey]);

  return (
    <div className={styles.shell} data-open={selected !== null || undefined}>
      {(!isPhone || selected === null) && (
        <Boundary className={styles.listless}>
          <ConversationList
            selected={selected}
            onHelp={() => setHelp(true)}
            onSearch={() => setSearches(true)}
          />
        </Boundary>
      )}
      {selected !== null && exists ? (
        <Boundary key={selected}>
          <ChatWindow id={selected} />
        </Boundary>
      ) : (
        !isPhone && (
          <main className={styles.empty}>
            <MessageCircle />
            <h2>Nothing open</h2>
            <p>Choose a conversation on the left, or begin a new one.</p>
          </main>
        )
      )}
      {searches && (
        <Boundary className={styles.over}>
          <Suspense fallback={null}>
            <SearchDialog selected={selected} onClose={() => setSearches(false)} />
          </Suspense>
        </Boundary>
      )}
      <AskToNotify />
      {showsHelp && <ShortcutsDialog onClose={() => setHelp(false)} />}
    </div>
  );
}
