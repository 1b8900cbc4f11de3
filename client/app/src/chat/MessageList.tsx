import {
  useChat,
  useChatActions,
  useChatStore,
  useMessage,
  useMessageIds,
  useWindow,
} from "@chatserver/zustand/react";
import { defaultRangeExtractor, useVirtualizer } from "@tanstack/react-virtual";
import { ArrowDown } from "lucide-react";
import {
  useCallback,
  useEffect,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
  type KeyboardEvent,
} from "react";

import { useAfter, useEvent } from "../lib/hooks.js";
import { arrive, useAim } from "../lib/jump.js";
import { attempt, notify } from "../lib/notices.js";
import { dayOf } from "../lib/time.js";
import { MessageRow } from "./MessageRow.js";
import styles from "./MessageList.module.css";
import { Rows } from "./rows.js";
import { useLine } from "./useLine.js";
import { useReading } from "./useReading.js";
import { useStanding } from "./useStanding.js";

/** How near to the end counts as being there, in px. */
const NEAR = 80;
/** How many rows before the first one the page before is asked for. */
const AHEAD = 12;
/** How far down the day reaches that floats at the top, in px. */
const FLOATING = 40;

/** The messages of a conversation. Whatever comes or grows, what is being read stays where it is. */
export function MessageList({ id, title, jump }: { id: string; title: string; jump: Jump }) {
  const store = useChatStore();
  const { loadOlder, loadNewer, loadNewest, reveal, setReplyTo, setEditing } = useChatActions();
  const ids = useMessageIds(id);
  const window = useWindow(id);
  const me = useChat((state) => state.me);
  const line = useLine(id);
  const scroller = useRef<HTMLDivElement>(null);
  const [isAtEnd, setAtEnd] = useState(true);
  const [active, setActive] = useState<string | null>(null);
  const [hasFocus, setHasFocus] = useState(false);
  const [lit, setLit] = useState<string | null>(null);

  // What a row is does not change with what its message says.
  const [made] = useState(() => new Rows());
  const rows = useMemo(
    () => made.of(ids, store.getState().messagesById, me, line, window?.atStart ?? false),
    [made, ids, me, line, store, window?.atStart],
  );
  // Another function would have the list measure all of them again.
  const keyOf = useCallback((index: number) => rows[index]?.key ?? index, [rows]);
  const count = rows.length;
  const activeIndex = rows.findIndex((row) => row.kind === "message" && row.id === active);
  const lastIndex = rows.findLastIndex(({ kind }) => kind === "message");

  const list = useVirtualizer({
    count,
    getScrollElement: () => scroller.current,
    estimateSize: (index) => (rows[index]?.kind === "message" ? 58 : 44),
    getItemKey: keyOf,
    overscan: 8,
    paddingStart: 16,
    paddingEnd: 8,
    // Room for the day that floats there.
    scrollPaddingStart: FLOATING,
    anchorTo: "end",
    followOnAppend: true,
    scrollEndThreshold: NEAR,
    rangeExtractor: (range) => {
      const shown = defaultRangeExtractor(range);
      // Whoever has the focus keeps it.
      if (!hasFocus || activeIndex < 0 || shown.includes(activeIndex)) return shown;
      return [...shown, activeIndex].sort((one, other) => one - other);
    },
  });
  const items = list.getVirtualItems();
  const first = items[0]?.index ?? 0;
  const last = items.at(-1)?.index ?? 0;

  const aimed = useRef(false);
  const isSettled = useStanding(list, rows, window, isAtEnd, aimed);

  useEffect(() => {
    if (!isSettled || window?.loading || window?.error) return;
    if (first <= AHEAD && !window?.atStart) void loadOlder(id).catch(() => undefined);
    else if (last >= count - AHEAD && !window?.atEnd) void loadNewer(id).catch(() => undefined);
  }, [first, last, count, id, loadNewer, loadOlder, window, isSettled]);

  const read = useReading(id, rows, list);
  const scrolled = useEvent(() => {
    setAtEnd(list.isAtEnd(NEAR));
    read();
  });

  // Rows that are measured, or grow, move the end.
  // (In a frame of its own: while many messages come, each commit would ask for another one at once.)
  useEffect(() => {
    const frame = requestAnimationFrame(() => setAtEnd(list.isAtEnd(NEAR)));
    return () => cancelAnimationFrame(frame);
  });

  // Where less of the list is in sight, as when the field below it grows, the end stays there if it was.
  useLayoutEffect(() => {
    const element = scroller.current;
    if (!element) return;
    let height = element.clientHeight;
    const observer = new ResizeObserver(() => {
      const before = height;
      height = element.clientHeight;
      const hidden = element.scrollHeight - element.scrollTop - before;
      if (hidden < NEAR && height < before) element.scrollTop += before - height;
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  // How many have come since the end was last in sight.
  const lastSeen = useRef<string | undefined>(undefined);
  const lastKey = rows[lastIndex]?.key;
  useEffect(() => {
    if (isAtEnd) lastSeen.current = lastKey;
  }, [isAtEnd, lastKey]);
  // Whoever writes wants to see it.
  useLayoutEffect(() => {
    const row = rows[lastIndex];
    if (row?.kind !== "message" || row.key !== lastKey) return;
    if (store.getState().messagesById[row.id]?.pending) list.scrollToEnd();
  }, [lastKey, lastIndex, rows, list, store]);
  const seenAt = rows.findLastIndex(({ key }) => key === lastSeen.current);
  const fresh = isAtEnd || seenAt < 0 ? 0 : lastIndex - seenAt;
  const unread = useChat(({ conversations }) => conversations[id]?.unread_count ?? 0);
  let below = "";
  if (fresh > 0) below = `${fresh} new`;
  else if (unread > 0 && window?.atEnd === false) below = `${unread} unread`;

  const toEnd = useEvent(() => {
    if (window?.atEnd) list.scrollToEnd({ behavior: "auto" });
    else void attempt(loadNewest(id));
  });

  const show = useEvent(async (messageId: string, seq?: number) => {
    aimed.current = true;
    const isThere = await reveal(id, messageId, seq).catch(() => false);
    if (!isThere) {
      aimed.current = false;
      notify("That message is not here any more.");
      return;
    }
    setLit(messageId);
    setTimeout(() => setLit(null), 1_800);
  });
  useEffect(() => {
    const at = rows.findIndex((row) => row.kind === "message" && row.id === lit);
    if (at >= 0) list.scrollToIndex(at, { align: "center" });
    if (lit !== null) aimed.current = false;
    // Only once, when it is found.
  }, [lit]);
  const aim = useAim((state) => (state.aim?.conversation_id === id ? state.aim : null));
  useEffect(() => {
    if (!aim) return;
    arrive();
    void show(aim.id, aim.seq);
  }, [aim, show]);
  useEffect(() => {
    jump.show = (messageId) => void show(messageId);
    jump.toEnd = toEnd;
  }, [jump, show, toEnd]);

  function focusOn(index: number) {
    const row = rows[index];
    if (row?.kind !== "message") return;
    setActive(row.id);
    list.scrollToIndex(index);
    requestAnimationFrame(() => {
      scroller.current
        ?.querySelector<HTMLElement>(`article[data-id="${CSS.escape(row.id)}"]`)
        ?.focus({ preventScroll: true });
    });
  }

  function onKey(event: KeyboardEvent) {
    if (event.altKey || event.ctrlKey || event.metaKey || !(event.target instanceof Element))
      return;
    const isOnArticle = event.target.matches("article");
    if (!isOnArticle) {
      if (event.key === "Escape" && !event.target.matches("textarea")) focusOn(activeIndex);
      return;
    }
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    const edge = { Home: 0, End: lastIndex }[event.key];
    if (step !== undefined) {
      let to = activeIndex + step;
      while (rows[to] && rows[to]?.kind !== "message") to += step;
      if (rows[to]) focusOn(to);
      event.preventDefault();
    } else if (edge !== undefined) {
      focusOn(rows.findIndex((row, index) => index >= edge && row.kind === "message"));
      event.preventDefault();
    } else if (event.key === "r" && active !== null) {
      setReplyTo(id, active);
      event.preventDefault();
    } else if (event.key === "e" && active !== null) {
      const message = store.getState().messagesById[active];
      if (message?.sender_id === me && !message.is_deleted) setEditing(id, active);
      event.preventDefault();
    } else if (event.key === "+" || event.key === "Enter") {
      const name = event.key === "+" ? "React" : "More";
      event.target.querySelector<HTMLElement>(`[aria-label="${name}"]`)?.click();
      event.preventDefault();
    }
  }

  const isSlow = useAfter(count === 0 && window?.loading !== null, 200);
  const isEmpty = count === 0 && window?.loading === null && !window.error;
  // The day of what is at the top; nothing floats there while the day stands there itself.
  const offset = list.scrollOffset ?? 0;
  const top = items.find(
    ({ index, end }) => end > offset && rows[index]?.kind === "message",
  )?.index;
  const topRow = rows[top ?? -1];
  const topMessage = useMessage(topRow?.kind === "message" ? topRow.id : null);
  const hasDay = items.some(
    ({ index, start, end }) =>
      rows[index]?.kind === "day" && end > offset && start < offset + FLOATING,
  );
  return (
    <div className={styles.place}>
      {topMessage && !isAtEnd && !hasDay && (
        <span className={styles.sticky} aria-hidden="true">
          {dayOf(topMessage.created_at)}
        </span>
      )}
      <div
        ref={scroller}
        className={styles.scroller}
        role="log"
        aria-live="off"
        aria-label={`Messages with ${title}`}
        aria-busy={window?.loading === "newest" || window?.loading === "around"}
        tabIndex={count === 0 ? 0 : -1}
        onScroll={scrolled}
        onKeyDown={onKey}
        onFocus={() => setHasFocus(true)}
        onBlur={() => setHasFocus(false)}
      >
        <div className={styles.rows} style={{ height: list.getTotalSize() }}>
          {items.map(({ index, start, key }) => {
            const row = rows[index];
            return (
              row && (
                <div
                  key={key}
                  ref={list.measureElement}
                  data-index={index}
                  className={styles.row}
                  style={{ top: start }}
                >
                  {row.kind === "day" && <p className={styles.day}>{row.label}</p>}
                  {row.kind === "unread" && (
                    <div
                      className={styles.unread}
                      role="separator"
                      aria-label={`${row.count} unread`}
                    >
                      <span>{row.count} unread</span>
                    </div>
                  )}
                  {row.kind === "message" && (
                    <MessageRow
                      id={row.id}
                      conversationId={id}
                      position={row.position}
                      count={window?.atStart ? ids.length : -1}
                      isFirst={row.isFirst}
                      isLast={row.isLast}
                      isEntrance={activeIndex < 0 ? index === lastIndex : index === activeIndex}
                      isLit={row.id === lit}
                      onFocus={setActive}
                      onJump={show}
                    />
                  )}
                </div>
              )
            );
          })}
        </div>
        {isSlow && (
          <div className={styles.skeletons} aria-hidden="true">
            <i />
            <i />
            <i />
            <i />
          </div>
        )}
        {isEmpty && (
          <p className={styles.empty}>Nothing has been said yet. Say hello to {title}.</p>
        )}
        {window?.error && count === 0 && (
          <p className={styles.empty}>
            The messages could not be loaded.{" "}
            <button type="button" onClick={() => void attempt(loadNewest(id))}>
              Try again
            </button>
          </p>
        )}
      </div>
      {!isAtEnd && (
        <button
          type="button"
          className={styles.pill}
          aria-label={below || "Latest messages"}
          onClick={toEnd}
        >
          {below}
          <ArrowDown />
        </button>
      )}
    </div>
  );
}

/** What others may have the list do. */
export interface Jump {
  show: (messageId: string) => void;
  toEnd: () => void;
}
