// Notifications of what was said while nobody looked, and what becomes of them.

declare const self: ServiceWorkerGlobalScope;

/** What the server tells of a message; who wrote it, and what, only where it is set up to tell that. */
interface Told {
  readonly kind: "message" | "mention";
  readonly conversationId: string;
  readonly badge: number;
  readonly sender?: string;
  readonly preview?: string;
}

/** How long a page may take to say what it shows, in ms. */
const PATIENCE = 500;

function toldIn(data: PushMessageData | null): Told | undefined {
  try {
    const told = data?.json() as Partial<Told> | null;
    return typeof told?.conversationId === "string" ? (told as Told) : undefined;
  } catch {
    return undefined;
  }
}

/** Shows a notification of a message, in the place of the one before of that conversation; none of what a page shows. */
export async function notify(data: PushMessageData | null): Promise<void> {
  const told = toldIn(data);
  if (!told) return;
  const { kind, conversationId, badge, sender, preview } = told;
  if ("setAppBadge" in self.navigator)
    await self.navigator.setAppBadge(badge).catch(() => undefined);
  if (await isShown(conversationId)) return;
  const what = kind === "mention" ? "You were mentioned" : "New message";
  // TypeScript does not know `renotify`: whether what takes another's place is told by sound, too.
  const options: NotificationOptions & { renotify: boolean } = {
    body: preview ?? (sender === undefined ? "Open the chat to read it." : what),
    tag: conversationId,
    renotify: true,
    data: { conversationId },
  };
  await self.registration.showNotification(sender ?? what, options);
}

/** Opens a notification's conversation: in a page that there is, or in a new one. */
export async function open(notification: Notification): Promise<void> {
  notification.close();
  const { conversationId } = notification.data as { conversationId: string };
  const pages = await pagesNow();
  const page = pages.find(({ visibilityState: state }) => state === "visible") ?? pages[0];
  if (page) {
    page.postMessage({ kind: "open", conversationId });
    await page.focus();
  } else {
    await self.clients.openWindow(`/#/c/${encodeURIComponent(conversationId)}`);
  }
}

/** The pages of the app; the server has others, such as its reference. */
async function pagesNow(): Promise<readonly WindowClient[]> {
  const pages = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  return pages.filter(({ url }) => new URL(url).pathname === "/");
}

/** Whether somebody has a conversation in front of them: each page is asked, since its address does not tell it here. */
async function isShown(conversationId: string): Promise<boolean> {
  const answers = (await pagesNow()).map(
    (page) =>
      new Promise<boolean>((resolve) => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = ({ data }: MessageEvent<unknown>) => resolve(data === true);
        setTimeout(() => resolve(false), PATIENCE);
        page.postMessage({ kind: "shows", conversationId }, [port2]);
      }),
  );
  return (await Promise.all(answers)).includes(true);
}
