// What is read stays where it is, whatever grows; run by tests/client/app/test_app.py.

import assert from "node:assert/strict";
import test from "node:test";

import { ask, becomes, enter, field, given, message, open } from "./support.mjs";

const PICTURE = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);
const { conversation } = await ask("alice", "chat:conversation_open", { recipientId: given.people.bob });
const send = (content, more = {}) =>
  ask("bob", "chat:message_send", { conversationId: conversation.id, content, ...more });
for (let number = 1; number <= 12; number += 1) {
  await send(`number ${number}.`);
  // Of one of two nobody has said how large it is.
  const size = number % 2 ? {} : { width: 300, height: 500 };
  await send(`picture ${number}.`, {
    messageType: "image",
    // On the server itself, whose pictures are shown at once.
    metadata: { url: `${given.url}/pictures/${number}.png`, ...size },
  });
}
await ask("alice", "chat:message_read", { conversationId: conversation.id, upToSeq: 1_000 });

/** Where these messages stand on the page, by id, in px. */
const places = (page) =>
  page.evaluate(() => {
    const list = [...document.querySelectorAll("[role=log] article")];
    return Object.fromEntries(list.map((one) => [one.dataset.id, Math.round(one.getBoundingClientRect().top)]));
  });

/** Two frames, behind which whatever was measured has been laid out. */
const frames = (page) =>
  page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));

test("Pictures that come late move nothing, at the end as in the middle.", async (t) => {
  const page = await open(t, "alice");
  const waiting = [];
  await page.context().route(`${given.url}/pictures/**`, (route) => waiting.push(route));
  await enter(page, "Bob");
  await message(page, "picture 12.");
  const log = page.getByRole("log");
  for (const scroll of [0, -900]) {
    await log.evaluate((element, by) => element.scrollBy(0, by), scroll);
    const inSight = () =>
      page.evaluate(() => {
        const { top, bottom } = document.querySelector("[role=log]").getBoundingClientRect();
        return [...document.querySelectorAll("[role=log] img[src*='/pictures/']")]
          .filter((one) => one.getBoundingClientRect().bottom > top && one.getBoundingClientRect().top < bottom)
          .map((one) => [one.complete, one.naturalWidth]);
      });
    await becomes(async () => (await inSight()).length > 0, true);
    await frames(page);
    const before = await places(page);
    for (const route of waiting.splice(0)) await route.fulfill({ body: PICTURE, contentType: "image/png" });
    await becomes(async () => (await inSight()).every(([isDone, width]) => isDone && width === 1), true);
    await frames(page);
    assert.deepEqual(await places(page), before);
  }
});

test("A picture of another host is loaded once it is asked for, and it comes into the place that was kept.", async (t) => {
  const page = await open(t, "alice");
  await page.context().route(`${given.url}/pictures/**`, (route) => route.abort());
  const asked = [];
  await page.context().route("https://pictures.example/**", (route) => {
    asked.push(route.request());
    // The host is away at first.
    if (asked.length === 1) return route.abort();
    return route.fulfill({ body: PICTURE, contentType: "image/png" });
  });
  const url = "https://pictures.example/seen?by=alice";
  const { message: sent } = await send("elsewhere", { messageType: "image", metadata: { url } });
  await enter(page, "Bob");
  const article = await message(page, "elsewhere");
  const offer = article.getByRole("button", { name: "Show image from pictures.example" });
  await offer.waitFor();
  await frames(page);
  const before = await places(page);
  assert.equal(asked.length, 0);

  await offer.click();
  await article.getByRole("button", { name: "Not loaded. Try again: image from pictures.example" }).click();
  const picture = article.getByRole("img", { name: "elsewhere" });
  await becomes(() => picture.evaluate((image) => image.naturalWidth), 1);
  assert.deepEqual(await places(page), before);
  assert.deepEqual(asked.map((request) => request.headers().referer), [undefined, undefined]);
  await ask("bob", "chat:message_delete", { messageId: sent.id });
});

test("A field that grows to eight lines moves nothing that is read, and grows no further.", async (t) => {
  const page = await open(t, "alice");
  await page.context().route(`${given.url}/pictures/**`, (route) => route.abort());
  await enter(page, "Bob");
  await message(page, "picture 12.");
  const log = page.getByRole("log");
  const height = () => field(page).evaluate((element) => element.clientHeight);
  const gap = () => log.evaluate((element) => Math.round(element.scrollHeight - element.scrollTop - element.clientHeight));
  const one = await height();

  // At the end the end stays in sight.
  await becomes(gap, 0);
  await field(page).fill("1\n2\n3\n4\n5\n6\n7\n8");
  await becomes(gap, 0);
  const eight = await height();
  const line = await field(page).evaluate((element) => parseFloat(getComputedStyle(element).lineHeight));
  assert.ok(eight >= one + 7 * line - 2, `${one} → ${eight}`);
  await field(page).fill("");
  await becomes(gap, 0);

  await log.evaluate((element) => element.scrollBy(0, -900));
  await frames(page);
  const before = await places(page);
  for (let lines = 1; lines <= 20; lines += 1) {
    await field(page).fill("line\n".repeat(lines));
    await frames(page);
    assert.deepEqual(await places(page), before, `${lines} lines`);
  }
  assert.equal(await height(), eight);
});
