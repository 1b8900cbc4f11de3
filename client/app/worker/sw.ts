// The service worker: the app without a link, and what is told while it is closed.

import { notify, open } from "./push.js";
import { answer, dropOtherShells, keepShell } from "./shell.js";

declare const self: ServiceWorkerGlobalScope;

self.addEventListener("install", (event) => {
  // It takes over once no page of the build before is open: such a page may still need that build's files.
  event.waitUntil(keepShell());
});

self.addEventListener("activate", (event) => {
  const begin = async () => {
    await dropOtherShells();
    // The network is asked while the worker starts, and not after.
    await self.registration.navigationPreload.enable();
    await self.clients.claim();
  };
  event.waitUntil(begin());
});

self.addEventListener("fetch", (event) => {
  const answered = answer(event);
  if (answered) event.respondWith(answered);
});

self.addEventListener("push", (event) => {
  event.waitUntil(notify(event.data));
});

self.addEventListener("notificationclick", (event) => {
  event.waitUntil(open(event.notification));
});
