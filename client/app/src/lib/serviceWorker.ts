// The service worker, which opens the app without a link and shows notifications.

import { current, go } from "./route.js";

/** What browsers have that check which scripts a page names (Trusted Types). */
interface TrustedTypes {
  createPolicy(
    name: string,
    rules: { createScriptURL: (url: string) => string },
  ): {
    createScriptURL(url: string): string;
  };
}

const WORKER = "/sw.js";

/** The worker's address, as a page may name it whose policy asks for Trusted Types. */
function address(): string {
  const { trustedTypes } = globalThis as { trustedTypes?: TrustedTypes };
  const rules = { createScriptURL: () => WORKER };
  return trustedTypes?.createPolicy("chatserver", rules).createScriptURL(WORKER) ?? WORKER;
}

/** What the worker asks of a page: whether a conversation is in front of somebody, or to open one. */
interface Asked {
  readonly kind: "shows" | "open";
  readonly conversationId: string;
}

function answer({ data, ports }: MessageEvent<Asked>): void {
  const { kind, conversationId } = data;
  if (kind === "open") go(conversationId);
  else
    ports[0]?.postMessage(
      current() === conversationId && document.visibilityState === "visible" && document.hasFocus(),
    );
}

/** Registers the worker of this build. Browsers have none where a page is served by plain http, or in some private windows. */
export function registerWorker(): void {
  if (!import.meta.env.PROD || !("serviceWorker" in navigator)) return;
  navigator.serviceWorker.addEventListener("message", answer);
  navigator.serviceWorker.register(address()).catch(() => undefined);
}
