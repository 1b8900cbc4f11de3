import { useChat } from "@chatserver/zustand/react";
import { ChevronDown, Keyboard, LogOut, Moon, Sun, SunMoon } from "lucide-react";
import { useRef, useState } from "react";

import { chooseTheme, useTheme } from "../lib/theme.js";
import { signOut } from "../session.js";
import { Avatar } from "../ui/Avatar.js";
import { Item } from "../ui/Item.js";
import { Popover } from "../ui/Popover.js";
import styles from "./AccountMenu.module.css";
import { NotifyItem } from "./NotifyItem.js";

/** Who is signed in, and what they may choose for themselves. */
export function AccountMenu({ onHelp }: { onHelp: () => void }) {
  const user = useChat((state) => state.user);
  const theme = useTheme((state) => state.theme);
  const button = useRef<HTMLButtonElement>(null);
  const [isOpen, setOpen] = useState(false);
  const close = () => setOpen(false);
  const name = user?.displayName ?? "";

  return (
    <>
      <button
        ref={button}
        type="button"
        className={styles.account}
        aria-label={`Account of ${name}`}
        aria-expanded={isOpen}
        onClick={() => setOpen(true)}
      >
        <Avatar id={user?.userId ?? ""} name={name} size={36} />
        <b>{name}</b>
        <ChevronDown />
      </button>
      {isOpen && (
        <Popover anchor={button} label="Account" onClose={close}>
          <div className={styles.themes} role="group" aria-label="Theme">
            {(
              [
                ["system", "System", SunMoon],
                ["light", "Light", Sun],
                ["dark", "Dark", Moon],
              ] as const
            ).map(([value, label, Icon]) => (
              <button
                key={value}
                type="button"
                aria-pressed={theme === value}
                onClick={() => chooseTheme(value)}
              >
                <Icon />
                {label}
              </button>
            ))}
          </div>
          <NotifyItem />
          <Item
            icon={<Keyboard />}
            onPick={() => {
              close();
              onHelp();
            }}
          >
            Keyboard shortcuts
          </Item>
          <Item icon={<LogOut />} onPick={() => signOut()}>
            Sign out
          </Item>
        </Popover>
      )}
    </>
  );
}
