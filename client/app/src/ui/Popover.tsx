import { useEffect, useLayoutEffect, useRef, type ReactNode, type RefObject } from "react";

import styles from "./Popover.module.css";

const MARGIN = 8;

/** What opens beside a button, above everything, and closes by Escape or by pressing elsewhere. */
export function Popover({
  anchor,
  label,
  role = "group",
  onClose,
  children,
}: {
  anchor: RefObject<HTMLElement | null>;
  label: string;
  role?: "group" | "menu";
  onClose: () => void;
  children: ReactNode;
}) {
  const popover = useRef<HTMLDivElement>(null);

  useLayoutEffect(() => {
    const element = popover.current;
    // What it is in may come to the page with it, and is known by its name only after it.
    const beside = anchor.current ?? element?.parentElement;
    if (!element || !beside) return;
    const before = document.activeElement;
    const around = beside.parentElement?.closest<HTMLElement>("[tabindex]");
    element.showPopover();
    const place = () => {
      const edges = beside.getBoundingClientRect();
      const { offsetWidth: width, offsetHeight: height } = element;
      const below = edges.bottom + 4;
      const fits = below + height + MARGIN <= innerHeight;
      const top = fits ? below : Math.max(MARGIN, edges.top - height - 4);
      const left = Math.min(Math.max(MARGIN, edges.right - width), innerWidth - width - MARGIN);
      element.style.top = `${top}px`;
      element.style.left = `${Math.max(MARGIN, left)}px`;
    };
    place();
    // A part that is loaded later makes it larger.
    const observer = new ResizeObserver(place);
    observer.observe(element);
    element.querySelector<HTMLElement>("button, input")?.focus({ preventScroll: true });
    return () => {
      observer.disconnect();
      const hadFocus = element.contains(document.activeElement);
      if (!hadFocus) return;
      // Back to what opened it; where that is gone, or nobody pressed it, to what is beside or around it.
      for (const one of [before, beside, around]) {
        if (one instanceof HTMLElement && one.isConnected) one.focus({ preventScroll: true });
        if (one && one !== document.body && one === document.activeElement) return;
      }
    };
  }, [anchor]);

  useEffect(() => {
    const element = popover.current;
    const toggled = (event: ToggleEvent) => {
      if (event.newState === "closed") onClose();
    };
    element?.addEventListener("toggle", toggled);
    return () => element?.removeEventListener("toggle", toggled);
  }, [onClose]);

  return (
    <div
      ref={popover}
      popover="auto"
      role={role}
      aria-label={label}
      className={styles.popover}
      onKeyDown={(event) => {
        event.stopPropagation();
        if (event.key === "Escape") onClose();
        const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
        if (step === undefined || event.target instanceof HTMLInputElement) return;
        event.preventDefault();
        const buttons = [...(popover.current?.querySelectorAll("button") ?? [])];
        const at = buttons.indexOf(document.activeElement as HTMLButtonElement);
        buttons[(at + step + buttons.length) % buttons.length]?.focus();
      }}
    >
      {children}
    </div>
  );
}
