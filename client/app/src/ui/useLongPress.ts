import { useRef, type MouseEvent, type PointerEvent, type TouchEvent } from "react";

/** How long a finger rests, in ms. */
const LONG = 450;
/** How far one that rests may stray, in px: none is ever quite still. */
const STRAY = 10;

interface Press {
  timer: ReturnType<typeof setTimeout>;
  x: number;
  y: number;
  isLong: boolean;
}

/** The handlers of what a finger may rest on: `onRest` is called while it does, `onGone` as it goes after that. */
export function useLongPress(onRest: () => void, onGone: () => void) {
  const pressed = useRef<Press>(undefined);

  function release() {
    clearTimeout(pressed.current?.timer);
    pressed.current = undefined;
  }

  /** Ends the press. Returns whether it was a long one. */
  function letGo() {
    const wasLong = pressed.current?.isLong ?? false;
    release();
    if (wasLong) onGone();
    return wasLong;
  }

  return {
    onPointerDown(event: PointerEvent) {
      release();
      if (event.pointerType !== "touch") return;
      const press: Press = {
        timer: setTimeout(() => {
          press.isLong = true;
          onRest();
        }, LONG),
        x: event.clientX,
        y: event.clientY,
        isLong: false,
      };
      pressed.current = press;
    },
    onPointerMove(event: PointerEvent) {
      const press = pressed.current;
      if (press && Math.hypot(event.clientX - press.x, event.clientY - press.y) > STRAY) release();
    },
    // After onPointerUp, by which the browser closes what is open.
    onTouchEnd(event: TouchEvent) {
      // The mouse that browsers make of a finger would press what is below, and take the focus.
      if (letGo()) event.preventDefault();
    },
    onPointerCancel: letGo,
    onContextMenu(event: MouseEvent) {
      // The browser's own menu would come in the middle of it.
      if (pressed.current) event.preventDefault();
    },
  };
}
