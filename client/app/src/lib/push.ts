// Notifications of what is said while the page is closed: asked for once somebody has written, and never on loading.

import { ChatError, type Chat } from "@chatserver/client";
import { create } from "zustand";

import { attempt, notify, reasonOf } from "./notices.js";

const DECLINED = "chatserver.notifications";

/** Whether this browser notifies; `none`: it cannot, or this server notifies nobody. */
export type PushState = "none" | "off" | "on" | "blocked";

interface Push {
  /** Whether the person is asked if they want to be notified. */
  readonly asks: boolean;
  readonly state: PushState;
}

export const usePush = create<Push>()(() => ({ asks: false, state: "none" }));

/** The key that the server's subscriptions are made with; null where it notifies nobody by Web Push. */
let key: Promise<string | null> | undefined;

async function askForKey(): Promise<string | null> {
  const answer = await fetch("/api/push/vapid-public-key");
  return answer.ok ? ((await answer.json()) as { key: string }).key : null;
}

/** What the server calls this browser, once it has been handed in. */
let device: string | undefined;

function keyNow(): Promise<string | null> {
  key ??= askForKey().catch(() => {
    key = undefined;
    return null;
  });
  return key;
}

const isSupported = () =>
  "Notification" in globalThis && "serviceWorker" in navigator && "PushManager" in globalThis;

function hasDeclined(): boolean {
  try {
    return localStorage.getItem(DECLINED) !== null;
  } catch {
    return true;
  }
}

function decline(isDeclined: boolean): void {
  try {
    if (isDeclined) localStorage.setItem(DECLINED, "declined");
    else localStorage.removeItem(DECLINED);
  } catch {
    // For this page alone, then.
  }
}

/** Looks whether this browser notifies: the person may have told it something else meanwhile. */
export async function lookAtPush(): Promise<void> {
  usePush.setState({ state: await stateNow() });
}

async function stateNow(): Promise<PushState> {
  if (!isSupported() || (await keyNow()) === null) return "none";
  if (Notification.permission === "denied") return "blocked";
  return Notification.permission === "granted" && device !== undefined ? "on" : "off";
}

/** Subscribes this browser where it may, and asks whether it may once a message was sent. Returns what ends it. */
export function watchPush(chat: Chat): () => void {
  if (!isSupported()) return () => undefined;
  const stops = [
    chat.on("ready", () => {
      const isWanted = Notification.permission === "granted" && !hasDeclined();
      if (isWanted) void subscribe(chat).catch(() => undefined);
    }),
    chat.on("sent", () => {
      if (Notification.permission !== "default" || hasDeclined()) return;
      void keyNow().then((found) => {
        if (found !== null) usePush.setState({ asks: true });
      });
    }),
  ];
  return () => {
    for (const stop of stops) stop();
    usePush.setState({ asks: false });
  };
}

/** The person wants to be notified on this device, or does not: they are not asked again, and the account's menu turns it on. */
export async function choosePush(chat: Chat, isWanted: boolean): Promise<void> {
  usePush.setState({ asks: false });
  decline(!isWanted);
  if (!isWanted) await attempt(unsubscribe(chat));
  else if ((await Notification.requestPermission()) === "granted") {
    await subscribe(chat).catch((error: unknown) => {
      notify(
        error instanceof ChatError
          ? reasonOf(error)
          : "This browser's push service cannot be reached, or lets no page notify.",
      );
    });
  }
  await lookAtPush();
}

/** Takes this browser out of the person's devices. */
async function unsubscribe(chat: Chat): Promise<void> {
  const deviceId = device;
  device = undefined;
  await dropSubscription();
  if (deviceId !== undefined) await chat.ask("push:device_remove", { deviceId });
}

async function dropSubscription(): Promise<void> {
  const registration = await navigator.serviceWorker.getRegistration();
  await (await registration?.pushManager.getSubscription())?.unsubscribe();
}

/** Hands this browser's subscription in: again at each session, since it belongs to whoever did that last. */
async function subscribe(chat: Chat): Promise<void> {
  const applicationServerKey = await keyNow();
  if (applicationServerKey === null) return;
  const { pushManager } = await navigator.serviceWorker.ready;
  const options = { userVisibleOnly: true, applicationServerKey };
  const made = await pushManager.subscribe(options).catch(async () => {
    // One that was made with another key is in the way.
    await (await pushManager.getSubscription())?.unsubscribe();
    return pushManager.subscribe(options);
  });
  const { endpoint, keys } = made.toJSON();
  const { p256dh, auth } = keys ?? {};
  if (endpoint === undefined || p256dh === undefined || auth === undefined) return;
  const added = await chat.ask("push:device_add", {
    provider: "webpush",
    subscription: { endpoint, expirationTime: made.expirationTime, keys: { p256dh, auth } },
  });
  device = added.device.id;
  usePush.setState({ state: "on" });
}

/**
 * Whoever signs out is not notified here any more, and nothing of what they were told stays on the screen. Without a
 * token that is good, or without a link, the server learns it from the push service.
 */
export async function endPush(token: string | null): Promise<void> {
  showBadge(0);
  if (!isSupported()) return;
  if (token !== null && device !== undefined) {
    // Not over the chat's link, which is hung up now; and done even where the page is closed at once.
    const headers = { Authorization: `Bearer ${token}` };
    const removed = fetch(`/api/push/devices/${device}`, {
      method: "DELETE",
      headers,
      keepalive: true,
    });
    removed.catch(() => undefined);
  }
  device = undefined;
  await closeNotifications();
  await dropSubscription();
}

/** Takes back the notifications of a conversation that is open, or all that there are. */
export async function closeNotifications(conversationId = ""): Promise<void> {
  if (!isSupported()) return;
  const registration = await navigator.serviceWorker.getRegistration();
  for (const shown of (await registration?.getNotifications({ tag: conversationId })) ?? [])
    shown.close();
}

/** Shows on the app's icon in how many conversations something is unread: nothing for 0. */
export function showBadge(count: number): void {
  if ("setAppBadge" in navigator) navigator.setAppBadge(count).catch(() => undefined);
}
