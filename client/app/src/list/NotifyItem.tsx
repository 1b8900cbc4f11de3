import { useChatStore } from "@chatserver/zustand/react";
import { Bell, BellOff } from "lucide-react";
import { useEffect } from "react";

import { choosePush, lookAtPush, usePush } from "../lib/push.js";
import { notify } from "../lib/notices.js";
import { Item } from "../ui/Item.js";

const SAID = { on: "On", off: "Off", blocked: "Blocked by the browser" } as const;

/** Says whether this device notifies, and turns that on or off; nothing, where it cannot. */
export function NotifyItem() {
  const { chat } = useChatStore();
  const state = usePush((push) => push.state);
  useEffect(() => void lookAtPush(), []);
  if (state === "none") return null;

  function pick() {
    if (state !== "blocked") void choosePush(chat, state === "off");
    else notify("Your browser blocks notifications of this page: allow them in its settings.");
  }

  return (
    <Item icon={state === "on" ? <Bell /> : <BellOff />} state={SAID[state]} onPick={pick}>
      Notifications
    </Item>
  );
}
