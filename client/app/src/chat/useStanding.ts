import type { Window } from "@chatserver/zustand";
import type { Virtualizer } from "@tanstack/react-virtual";
import { useLayoutEffect, useRef, useState, type RefObject } from "react";

import type { Row } from "./rows.js";

/** How many frames the list has at most to come to where it is to stand. */
const FRAMES = 30;

/**
 * Has the list stand where it is to be read, once it is opened or begins anew: at the unread line, else at the end. What
 * the device kept is shown at its end, until the server has told what came after it. Returns whether it stands there; until
 * then what is in sight is not what the person looks at.
 *
 * @param aimed a message is looked for: it comes to stand where that is
 */
export function useStanding(
  list: Virtualizer<HTMLDivElement, Element>,
  rows: readonly Row[],
  window: Window | undefined,
  isAtEnd: boolean,
  aimed: RefObject<boolean>,
): boolean {
  const generation = window?.generation ?? 0;
  const isKept = window?.kept !== undefined;
  const isEmpty = rows.length === 0;
  const begun = useRef<number | null>(null);
  const shownKept = useRef<number | null>(null);
  // It is on its way to the end.
  const isMoving = useRef(false);
  const [settled, setSettled] = useState<number | null>(null);

  useLayoutEffect(() => {
    if (isEmpty || begun.current === generation) return;

    /** Goes to the end until it is there: rows that are measured on the way move it. */
    const toEnd = (done: () => void, frames = FRAMES) => {
      list.scrollToEnd();
      isMoving.current = true;
      requestAnimationFrame(() => {
        if (frames > 0 && !list.isAtEnd(2)) {
          toEnd(done, frames - 1);
          return;
        }
        isMoving.current = false;
        done();
      });
    };

    if (isKept) {
      if (shownKept.current !== generation) toEnd(() => undefined);
      shownKept.current = generation;
      return;
    }
    if (window?.loading === "newest" || window?.loading === "around") return;
    const isFirst = begun.current === null;
    const hasRead = shownKept.current === generation && !isAtEnd && !isMoving.current;
    begun.current = generation;
    if (aimed.current || hasRead) {
      setSettled(generation);
      return;
    }
    // One that is open already goes to the line only where more is unread than the newest page has.
    const isBefore = isFirst || window?.atEnd === false;
    const at = isBefore ? rows.findIndex(({ kind }) => kind === "unread") : -1;
    if (at < 0) {
      toEnd(() => setSettled(generation));
    } else {
      list.scrollToIndex(at, { align: "start" });
      requestAnimationFrame(() => setSettled(generation));
    }
  }, [isEmpty, isKept, isAtEnd, generation, list, rows, window?.loading, aimed]);

  return settled === generation;
}
