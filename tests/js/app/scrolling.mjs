// Where the messages stand while others come; run by tests/client/app/test_app.py.

import assert from "node:assert/strict";
import test from "node:test";

import { ask, becomes, enter, given, keptOn, message, open, say } from "./support.mjs";

const { people } = given;
const COUNT = 281;

const { conversation } = await ask("alice", "chat:conversation_open", { recipientId: people.bob });
const send = (user, content, more = {}) =>
  ask(user, "chat:message_send", { conversationId: conversation.id, content, ...more });
const first = await send("alice", "number 1.");
for (let number = 2; number <= COUNT; number += 20) {
  const numbers = Array.from({ length: 20 }, (_, index) => number + index);
  await Promise.all(
    numbers.map((one) =>
      send(one % 3 ? "alice" : "bob", `number ${one}.${"\nand a line more".repeat(one % 4)}`),
    ),
  );
}
await send("alice", "Remember the first?", { replyToMessageId: first.messageId });
await ask("alice", "chat:message_read", { conversationId: conversation.id, upToSeq: 1_000 });

/** Scrolls near to what is loaded first, and gives how far what is in sight moves until more is loaded, in px. */
const scrollBack = (page) =>
  page.evaluate(async () => {
    const log = document.querySelector("[role=log]");
    // A frame as it is painted: behind what the list does about rows that have another size, which it is told of first.
    const probe = document.body.appendChild(document.createElement("i"));
    probe.style.cssText = "position: fixed; height: 1px; width: 1px";
    let painted = () => undefined;
    new ResizeObserver(() => painted()).observe(probe);
    const frame = () =>
      new Promise((resolve) => {
        painted = resolve;
        requestAnimationFrame(() => (probe.style.width = `${probe.offsetWidth === 1 ? 2 : 1}px`));
      });
    const before = log.scrollHeight;
    log.scrollTop = 300;
    // What is measured for the first time as it comes into sight may move; from then on nothing does.
    for (let frames = 0; frames < 3; frames += 1) await frame();
    const { top } = log.getBoundingClientRect();
    const anchor = [...log.querySelectorAll("article")].find((one) => one.getBoundingClientRect().top > top + 40);
    const start = anchor.getBoundingClientRect().top;
    let moved = 0;
    for (let frames = 0, left = 15; frames < 600 && left > 0; frames += 1) {
      await frame();
      if (log.scrollHeight > before + 400) left -= 1;
      const now = log.querySelector(`[data-id="${anchor.dataset.id}"]`);
      moved = Math.max(moved, now ? Math.abs(now.getBoundingClientRect().top - start) : Infinity);
    }
    return { moved: Math.round(moved), hasGrown: log.scrollHeight > before };
  });

test("What is read stays where it is while older messages are loaded before it.", async (t) => {
  const page = await open(t, "alice");
  await enter(page, "Bob");
  await message(page, "Remember the first?");
  for (let pages = 0; pages < 5; pages += 1) {
    assert.deepEqual(await scrollBack(page), { moved: 0, hasGrown: true }, `page ${pages}`);
  }
  await page.getByRole("log").evaluate((log) => log.scrollTo(0, 0));
  await message(page, "number 1.");

  await send("bob", "something new");
  const pill = page.getByRole("button", { name: "1 new" });
  await pill.click();
  await message(page, "something new");
  await pill.waitFor({ state: "detached" });
});

test("A reply leads to what it answers, however far back that is, and one's own message back to the end.", async (t) => {
  const page = await open(t, "alice");
  await enter(page, "Bob");
  await (await message(page, "Remember the first?")).getByRole("button", { name: /^Quoted from/ }).click();
  const origin = await message(page, "number 1.");
  await becomes(() => origin.evaluate((article) => {
    const { top, bottom } = article.getBoundingClientRect();
    return top >= 0 && bottom <= innerHeight;
  }), true);
  await say(page, "Back at the end");
  await (await message(page, "Back at the end")).getByRole("img", { name: "Sent" }).waitFor();
});

test("Somebody who was away comes to where the unread messages begin, and has read what is in sight.", async (t) => {
  const page = await open(t, "bob");
  await enter(page, "Alice");
  // Which is some pages before the end.
  const line = await page.getByRole("separator").getAttribute("aria-label");
  await message(page, "number 1.");
  const pill = page.getByRole("button", { name: /^[0-9]+ unread$/ });
  const left = async () => parseInt(await pill.innerText());
  await becomes(async () => (await left()) < parseInt(line), true);
  assert.ok((await left()) > 100, await pill.innerText());
  await pill.click();
  await message(page, "Back at the end");
  await page.getByRole("listitem", { name: /^Alice(, online)?$/ }).waitFor();
});

test("A page that is loaded anew comes to where the unread messages begin, whatever the device kept of it.", async (t) => {
  const page = await open(t, "bob");
  await enter(page, "Alice");
  await message(page, "Back at the end");
  // Kept, now that it was in sight.
  await becomes(async () => Object.keys(await keptOn(page)).some((key) => /:page:/.test(key)), true);
  const { href } = new URL(page.url());
  await page.goto("about:blank");
  for (let number = 1; number <= 120; number += 1) await send("alice", `later ${number}.`);
  await page.goto(href);
  await page.getByRole("separator", { name: "120 unread" }).waitFor();
  await message(page, "later 1.");
  assert.equal(await page.getByRole("article").filter({ hasText: "later 120." }).count(), 0);
});
