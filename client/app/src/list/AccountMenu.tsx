import { useChat } from "@chatserver/zustand/react";
import type { ChatState } from "@chatserver/zustand";
import { ChevronDown, Keyboard, LogOut, Moon, Sun, SunMoon } from "lucide-react";
import { useRef, useState } from "react";

import { chooseTheme, useTheme } from "../lib/theme.js";
import { signOut } from "../session.js";
import { Avatar } from "../ui/Avatar.js";
import { Item } from "../ui/Item.js";
import { Popover } from "../ui/Popover.js";
import styles from "./AccountMenu.module.css";
import { NotifyItem } from "./NotifyItem.js";

/** What the person is called; before there is a link, as a conversation has it that was kept on the device. */
function myName({ user, me, conversations }: ChatState): string {
  if (user) return user.displayName;
  for (const { participants } of Object.values(conversations)) {
    const mine = participants.find(({ user_id: id }) => id === me);
    if (mine) return mine.display_name;
  }
  return "";
}

/** Who is signed in, and what they may choose for themselves. */
export function AccountMenu({ onHelp }: { onHelp: () => void }) {
  const userId = useChat((state) => state.user?.userId ?? state.me ?? "");
  const name = useChat(myName);
  const theme = useTheme((state) => state.theme);
  const button = useRef<HTMLButtonElement>(null);
  const [isOpen, setOpen] = useState(false);
  const close = () => setOpen(false);

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
        <Avatar id={userId} name={name} size={36} />
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
