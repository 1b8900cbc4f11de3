// People with the app in a browser, given by tests/support/app.py.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { extname, join } from "node:path";
import test from "node:test";

import { chromium } from "playwright-core";

export const given = JSON.parse(process.env.APP);
const { tokens } = given;

// Long enough for a busy machine; nothing waits this long unless it fails.
const PATIENCE = 30_000;
const TYPES = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".webmanifest": "application/manifest+json",
};

// The microphone is one that Chromium makes: a tone.
const ARGUMENTS = ["--no-sandbox", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"];

const browser = await chromium.launch({ executablePath: given.chromium, args: ARGUMENTS });
test.after(() => browser.close());

/**
 * The app as it is built now, and the demo's tokens. The server that the tests share is none of a demo, and may have read
 * an older build when it was started.
 */
async function serve(context, built) {
  await context.route(
    ({ origin, pathname }) => origin === given.url && (pathname === "/" || pathname.startsWith("/assets/")),
    async (route) => {
      const { pathname } = new URL(route.request().url());
      const path = join(built, pathname === "/" ? "index.html" : pathname);
      const headers = { "Content-Security-Policy": given.csp };
      await route.fulfill({ body: await readFile(path), contentType: TYPES[extname(path)], headers });
    },
  );
  await context.route("**/demo/token", (route) =>
    route.fulfill({ json: { token: tokens[route.request().postDataJSON().user] } }),
  );
}

const commands = new WeakMap();

/** What the pages of a context have asked by WebSocket, in order: the command's name and its payload. */
export const commandsOf = (page) => commands.get(page.context());

/** A browser of somebody's own. What breaks the CSP or is thrown in it fails the test. */
async function begin(t, options) {
  const context = await browser.newContext({ viewport: { width: 1200, height: 760 }, ...options });
  context.setDefaultTimeout(PATIENCE);
  // A page that we answer for comes from no address, and only with this may it open WebSockets to this machine's.
  await context.grantPermissions(["local-network-access"]);
  const wrong = [];
  await context.exposeBinding("tellOfViolation", (_source, what) => wrong.push(what));
  const asked = [];
  commands.set(context, asked);
  await context.exposeBinding("tellOfFrame", (_source, frame) => {
    const found = /^42\d+(\["[a-z_]+:.*\])$/s.exec(frame);
    if (found) asked.push(JSON.parse(found[1]));
  });
  await context.addInitScript(() => {
    const { send } = WebSocket.prototype;
    WebSocket.prototype.send = function (frame) {
      globalThis.tellOfFrame(frame);
      send.call(this, frame);
    };
    addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) =>
      globalThis.tellOfViolation(`${violatedDirective} ${blockedURI}`),
    );
  });
  context.on("page", (page) => {
    page.on("pageerror", (error) => wrong.push(error.stack || `${error}`));
    page.on("dialog", (dialog) => wrong.push(`a dialog: ${dialog.message()}`));
  });
  t.after(async () => {
    await context.close();
    assert.deepEqual(wrong, []);
  });
  return context;
}

/**
 * The app as somebody sees it who has signed in.
 *
 * `built`: the folder of another build of the app; null: whatever the server itself serves, its tokens, too.
 */
export async function open(t, user, { built = given.static, ...options } = {}) {
  // A worker would answer what is answered here.
  const context = await begin(t, built === null ? options : { serviceWorkers: "block", ...options });
  if (built !== null) await serve(context, built);
  return openTab(context, user);
}

/** One more tab of a context, in which the same person or another one signs in, or nobody. */
export async function openTab(context, user) {
  const page = await context.newPage();
  await page.goto(given.url);
  if (user) {
    await page.getByRole("button", { name: `Sign in as ${user}` }).click();
    await page.getByRole("navigation", { name: "Conversations" }).waitFor();
  }
  return page;
}

/** The app with its service worker, as the server itself serves it, and somebody who has signed in with their token. */
export async function install(t, user, options = {}) {
  const context = await begin(t, options);
  const page = await tab(context, user);
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
  return page;
}

/** One more tab of a browser, in which somebody signs in with their token. */
export async function tab(context, user) {
  const page = await context.newPage();
  await page.goto(given.url);
  await page.getByText("Sign in with a token").click();
  await page.getByRole("textbox", { name: "Token" }).fill(tokens[user]);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.getByRole("navigation", { name: "Conversations" }).waitFor();
  return page;
}

/** Asks the server as somebody who has no page. */
export async function ask(user, command, payload) {
  const answer = await fetch(`${given.url}/api/commands/${command}`, {
    method: "POST",
    headers: { Authorization: `Bearer ${tokens[user]}`, "Content-Type": "application/json" },
    body: JSON.stringify(payload),
  });
  const body = await answer.json();
  assert.ok(answer.ok, JSON.stringify(body));
  return body;
}

/** Uploads a file as somebody who has no page, and gives its id. */
export async function upload(user, conversationId, name, bytes, about = {}) {
  const asked = { conversationId, name, size: bytes.length, type: "application/octet-stream", ...about };
  const { file, upload: to } = await ask(user, "file:create", asked);
  const answer = await fetch(new URL(to.url, given.url), { method: to.method, headers: to.headers, body: bytes });
  assert.ok(answer.ok, await answer.text());
  await ask(user, "file:complete", { fileId: file.id });
  return file.id;
}

/** Opens a conversation by what it is called. */
export async function enter(page, title) {
  await page.getByRole("listitem", { name: title }).click();
  await page.getByRole("log", { name: `Messages with ${title}` }).waitFor();
}

export const field = (page) => page.getByRole("textbox", { name: "Message", exact: true });

/** Writes a message and sends it. */
export async function say(page, text) {
  await field(page).fill(text);
  await field(page).press("Enter");
}

/** The article of a message, once it is shown: the message itself comes before those that quote it. */
export async function message(page, text) {
  const article = page.getByRole("article").filter({ hasText: text }).first();
  await article.waitFor();
  return article;
}

/** Presses a button of a message's toolbar. */
export async function act(page, text, name) {
  const article = await message(page, text);
  await article.hover();
  await article.getByRole("button", { name, exact: true }).click();
}

/** Which of these texts the messages that are shown have, in their order. */
export async function shown(page, pattern) {
  const all = await page.getByRole("article").allInnerTexts();
  return all.map((text) => pattern.exec(text)?.[0]).filter(Boolean);
}

/** All that a page's device keeps in IndexedDB, by its key. */
export function keptOn(page) {
  return page.evaluate(async () => {
    const done = (request) =>
      new Promise((resolve, reject) => {
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error);
      });
    const kept = {};
    for (const { name } of await indexedDB.databases()) {
      const database = await done(indexedDB.open(name));
      const store = database.transaction("kept").objectStore("kept");
      const [keys, values] = await Promise.all([done(store.getAllKeys()), done(store.getAll())]);
      keys.forEach((key, place) => (kept[key] = values[place]));
      database.close();
    }
    return kept;
  });
}

/**
 * Whether this stands in something that a page's device keeps.
 *
 * It is asked by `becomes`, since `page.waitForFunction` takes the promise of an async function for a yes.
 */
export const isKept = async (page, text) => JSON.stringify(await keptOn(page)).includes(text);

/** Waits until what is read on the page is as it should be. */
export async function becomes(read, wanted) {
  const until = Date.now() + PATIENCE;
  for (;;) {
    const found = await read();
    try {
      assert.deepEqual(found, wanted);
      return;
    } catch (error) {
      if (Date.now() > until) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
