// The app as it is installed: its service worker, and what is kept on the device; run by tests/client/app/test_worker.py.

import assert from "node:assert/strict";
import test from "node:test";

import { ask, becomes, enter, given, install, keptOn, message, say, tab } from "./support.mjs";

const { people } = given;
const texts = (page) => async () => {
  const shown = await page.getByRole("article").allInnerTexts();
  return shown.map((text) => /(?:mine|theirs) \d/.exec(text)?.[0]).filter(Boolean);
};

/** The keys of what is kept on a page's device, as far as they begin like this. */
const kept = (page, prefix) => async () =>
  Object.keys(await keptOn(page)).filter((key) => key.startsWith(prefix));

/** A conversation of two in which something was said, and what says more in it. */
async function conversation(one, other, text) {
  const opened = await ask(other, "chat:conversation_open", {
    recipientId: people[one],
  });
  const { id } = opened.conversation;
  const to = (content) => ask(other, "chat:message_send", { conversationId: id, content });
  await to(text);
  return { id, to };
}

test("A page that is reloaded without a link shows the list and the messages, and sends what was written once and in order.", async (t) => {
  const { id, to } = await conversation("alice", "bob", "theirs 1");
  const alice = await install(t, "alice");
  await enter(alice, "Bob");
  await message(alice, "theirs 1");
  const page = `kept:${people.alice}:page:${id}`;
  await becomes(kept(alice, page), [page]);

  await alice.context().setOffline(true);
  await say(alice, "mine 1");
  await (await message(alice, "mine 1")).getByRole("img", { name: "Sending" }).waitFor();
  await to("theirs 2");
  await alice.reload();
  await alice.getByRole("listitem", { name: /^Bob/ }).waitFor();
  await becomes(texts(alice), ["theirs 1", "mine 1"]);
  await say(alice, "mine 2");
  await alice.getByRole("status").filter({ hasText: "Offline · 2 will send" }).waitFor();

  await alice.context().setOffline(false);
  await becomes(texts(alice), ["theirs 1", "theirs 2", "mine 1", "mine 2"]);
  await (await message(alice, "mine 2")).getByRole("img", { name: "Sent" }).waitFor();
});

test("The worker keeps the app's own files and nothing else, and deletes those of other builds.", async (t) => {
  const page = await install(t, "alice");
  await page.evaluate(async () => {
    await caches.open("shell-of-another-build");
    await caches.open("somebody-else");
    await (await navigator.serviceWorker.ready).unregister();
  });
  await page.reload();
  const names = () => page.evaluate(() => caches.keys());
  await becomes(async () => (await names()).filter((name) => name === "shell-of-another-build"), []);
  assert.ok((await names()).includes("somebody-else"));
  const paths = await page.evaluate(async () => {
    const found = [];
    for (const name of await caches.keys())
      for (const { url } of await (await caches.open(name)).keys()) found.push(new URL(url).pathname);
    return found;
  });
  assert.ok(paths.includes("/"));
  assert.deepEqual(
    paths.filter((path) => path !== "/" && !path.startsWith("/assets/")),
    [],
  );
});

test("Of two tabs one sends what either has, and the other once that one is gone.", async (t) => {
  const { to } = await conversation("carol", "bob", "theirs 1");
  const first = await install(t, "carol");
  const second = await tab(first.context(), "carol");
  const sends = [];
  for (const [name, page] of Object.entries({ first, second })) {
    // Its link is a new one from here on, which is listened to.
    page.on("websocket", (socket) =>
      socket.on("framesent", ({ payload }) => {
        if (typeof payload === "string" && payload.includes("chat:message_send")) sends.push(name);
      }),
    );
  }
  const lead = () =>
    second.evaluate(async (name) => {
      const { held, pending } = await navigator.locks.query();
      const count = (locks) => locks.filter((lock) => lock.name === name).length;
      return [count(held), count(pending)];
    }, `chatserver:chatserver:${people.carol}`);
  await first.reload();
  await becomes(lead, [1, 1]);
  await second.reload();
  await becomes(lead, [1, 1]);
  for (const page of [first, second]) await enter(page, "Bob");
  await say(second, "mine 1");
  await (await message(second, "mine 1")).getByRole("img", { name: "Sent" }).waitFor();
  assert.deepEqual(sends, ["first"]);

  await first.close();
  await becomes(lead, [1, 0]);
  await say(second, "mine 2");
  await (await message(second, "mine 2")).getByRole("img", { name: "Sent" }).waitFor();
  assert.deepEqual(sends, ["first", "second"]);
  await to("theirs 2");
  await becomes(texts(second), ["theirs 1", "mine 1", "mine 2", "theirs 2"]);
});

async function signOut(page) {
  await page.getByRole("button", { name: /^Account of/ }).click();
  await page.getByText("Sign out").click();
}

test("Who signs out leaves nothing on the device.", async (t) => {
  await conversation("dave", "bob", "theirs 1");
  const dave = await install(t, "dave");
  await enter(dave, "Bob");
  await becomes(async () => (await kept(dave, "kept:")()).length, 2);
  await signOut(dave);
  await becomes(kept(dave, ""), []);
});

/**
 * Has a page's worker count the notifications that it has shown; returns what waits for so many of them.
 *
 * Chromium may forget a notification that is on its way while somebody asks which there are.
 */
async function countShown(page) {
  const [worker] = page.context().serviceWorkers();
  await worker.evaluate(() => {
    self.shown = 0;
    const { showNotification } = registration;
    registration.showNotification = async (...all) => {
      await showNotification.apply(registration, all);
      self.shown += 1;
    };
  });
  return (count) => becomes(() => worker.evaluate(() => self.shown), count);
}

/** Pushes to a page's worker as a push service does. */
async function pushTo(page, data) {
  const session = await page.context().newCDPSession(page);
  const registered = new Promise((resolve) =>
    session.on("ServiceWorker.workerRegistrationUpdated", ({ registrations }) => {
      if (registrations.length) resolve(registrations[0].registrationId);
    }),
  );
  await session.send("ServiceWorker.enable");
  const push = { origin: new URL(given.url).origin, registrationId: await registered, data: JSON.stringify(data) };
  await session.send("ServiceWorker.deliverPushMessage", push);
}

const notified = (page) => () =>
  page.evaluate(async () => {
    const shown = await (await navigator.serviceWorker.ready).getNotifications();
    return shown.map(({ title, tag, renotify }) => [title, tag, renotify]);
  });

test("A push is shown but for what the page shows, and opens its conversation.", async (t) => {
  const bob = await conversation("alice", "bob", "theirs 1");
  const carol = await conversation("alice", "carol", "theirs 1");
  const alice = await install(t, "alice", { permissions: ["notifications"] });
  await enter(alice, "Bob");
  const to = ({ id }, more = {}) => ({
    kind: "message",
    conversationId: id,
    messageId: id,
    seq: 1,
    badge: 1,
    ...more,
  });
  const shown = await countShown(alice);
  await pushTo(alice, to(bob));
  await pushTo(alice, to(carol));
  await shown(1);
  await becomes(notified(alice), [["New message", carol.id, true]]);
  await pushTo(alice, to(carol, { kind: "mention", sender: "Carol", preview: "Are you there?" }));
  await shown(2);
  await becomes(notified(alice), [["Carol", carol.id, true]]);

  // The page in front is one of the server's, but none of the app's.
  const reference = await alice.context().newPage();
  await reference.goto(`${given.url}/docs`);
  await reference.bringToFront();
  const [worker] = alice.context().serviceWorkers();
  await worker.evaluate(async () => {
    const [notification] = await registration.getNotifications();
    dispatchEvent(new NotificationEvent("notificationclick", { notification }));
  });
  await alice.getByRole("log", { name: "Messages with Carol" }).waitFor();
  await becomes(notified(alice), []);
});

test("The app can be installed, with its icons, and colours the browser's bar by its theme.", async (t) => {
  const page = await install(t, "alice");
  const session = await page.context().newCDPSession(page);
  // A test's browser keeps nothing, and such a one installs nothing: the one hindrance that there may be.
  const hindrances = async () =>
    (await session.send("Page.getInstallabilityErrors")).installabilityErrors.map(({ errorId }) => errorId);
  await becomes(hindrances, ["in-incognito"]);
  const { url, data, errors } = await session.send("Page.getAppManifest");
  assert.deepEqual(errors, []);
  assert.equal((await fetch(url)).headers.get("Content-Type"), "application/manifest+json; charset=utf-8");
  const { icons, display } = JSON.parse(data);
  assert.equal(display, "standalone");
  const sizes = await page.evaluate(
    (all) =>
      Promise.all(
        all.map(async ({ src, purpose }) => {
          const image = new Image();
          image.src = src;
          await image.decode();
          return [purpose, image.naturalWidth, image.naturalHeight];
        }),
      ),
    icons,
  );
  const wanted = [192, 512];
  assert.deepEqual(sizes, [...wanted.map((px) => ["any", px, px]), ...wanted.map((px) => ["maskable", px, px])]);

  const bar = () =>
    page.evaluate(() => {
      const { backgroundColor } = getComputedStyle(document.querySelector("nav"));
      const bars = [...document.querySelectorAll("meta[name=theme-color]")];
      const probe = document.body.appendChild(document.createElement("i"));
      probe.style.color = bars.find(({ media }) => matchMedia(media).matches).content;
      const { color } = getComputedStyle(probe);
      probe.remove();
      return color === backgroundColor ? "the list's" : `${color}, not ${backgroundColor}`;
    });
  for (const scheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme: scheme });
    for (const theme of ["System", "Light", "Dark"]) {
      await page.getByRole("button", { name: /^Account of/ }).click();
      await page.getByRole("button", { name: theme, exact: true }).click();
      await page.keyboard.press("Escape");
      await becomes(bar, "the list's");
    }
  }
});

/** What the account's menu says of notifications. */
async function notifications(page) {
  await page.getByRole("button", { name: /^Account of/ }).click();
  return page.getByRole("group", { name: "Account" }).getByRole("button", { name: /^Notifications/ });
}

test("Somebody is asked after they have written, and then this browser is one of their devices until they sign out.", async (t) => {
  await conversation("dave", "bob", "theirs 1");
  const dave = await install(t, "dave", { permissions: ["notifications"] });
  // There is no push service here, and no person who answers the browser's own question.
  const pretend = () => {
    let permission = "default";
    Object.defineProperty(Notification, "permission", { get: () => permission });
    Notification.requestPermission = async () => (permission = "granted");
    const keys = {
      p256dh: "BNcRdreALRFXTkOOUHK1EtK2wtaz5Ry4YfYCA_0QTpQtUbVlUls0VJXg7A8u-Ts1XbjhazAkj7I99e8QcYP7DkM",
      auth: "tBHItJI5svbpez7KI4CCXg",
    };
    const endpoint = "https://push.example.com/a-browser";
    PushManager.prototype.subscribe = async () => ({ expirationTime: null, toJSON: () => ({ endpoint, keys }) });
  };
  await dave.addInitScript(pretend);
  await dave.reload();
  await enter(dave, "Bob");
  const asked = dave.getByRole("complementary", { name: "Notifications of new messages" });
  assert.equal(await asked.count(), 0);
  await say(dave, "mine 1");
  // Who does not want it now finds it in the menu, and there it ends, too.
  await asked.getByRole("button", { name: "Not now" }).click();
  await asked.waitFor({ state: "detached" });
  const devices = async () => (await ask("dave", "push:device_list", {})).devices.map(({ provider }) => provider);
  const item = await notifications(dave);
  await becomes(() => item.innerText(), "Notifications\nOff");
  await item.click();
  await becomes(() => item.innerText(), "Notifications\nOn");
  await becomes(devices, ["webpush"]);
  await item.click();
  await becomes(() => item.innerText(), "Notifications\nOff");
  await becomes(devices, []);
  await item.click();
  await becomes(devices, ["webpush"]);
  await dave.keyboard.press("Escape");

  await dave.evaluate(async () => {
    globalThis.badges = [];
    navigator.setAppBadge = async (count) => badges.push(count);
    await (await navigator.serviceWorker.ready).showNotification("New message", { tag: "somewhere" });
  });
  await becomes(async () => (await notified(dave)()).length, 1);
  await signOut(dave);
  await becomes(devices, []);
  await becomes(notified(dave), []);
  assert.equal(await dave.evaluate(() => badges.at(-1)), 0);
});

test("Where the browser lets nobody notify, the menu says so, and who looks for it is told where it is changed.", async (t) => {
  const dave = await install(t, "dave", { permissions: [] });
  await dave.addInitScript(() => Object.defineProperty(Notification, "permission", { get: () => "denied" }));
  await dave.reload();
  const item = await notifications(dave);
  await becomes(() => item.innerText(), "Notifications\nBlocked by the browser");
  await item.click();
  await dave.getByRole("alert").getByText("allow them in its settings").waitFor();
});

test("Whose session has ended sees no notification of theirs any more.", async (t) => {
  const dave = await install(t, "dave", { permissions: ["notifications"] });
  await dave.addInitScript(() => {
    globalThis.taken = 0;
    ServiceWorkerRegistration.prototype.getNotifications = async () => [{ close: () => (taken += 1) }];
  });
  await dave.evaluate(() => {
    const session = JSON.parse(sessionStorage.getItem("chatserver.session"));
    sessionStorage.setItem("chatserver.session", JSON.stringify({ ...session, token: "none that is good" }));
  });
  await dave.reload();
  await dave.getByText("Your session has ended. Sign in again.").waitFor();
  await becomes(() => dave.evaluate(() => taken), 1);
});
