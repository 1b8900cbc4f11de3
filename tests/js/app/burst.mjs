// A long conversation in which much is said at once; run by tests/client/app/test_app.py.

import assert from "node:assert/strict";
import test from "node:test";

import { ask, becomes, enter, given, message, open } from "./support.mjs";

const { conversation: conversationId, replies } = given;
const BURST = 100;
let said = 0;

/** Says much at once, as somebody else. */
async function burst() {
  const from = said;
  said += BURST;
  const texts = Array.from({ length: BURST }, (_, index) => `burst ${from + index + 1}.`);
  await Promise.all(texts.map((content) => ask("bob", "chat:message_send", { conversationId, content })));
}

const log = (page) => page.getByRole("log");
const ids = (page) => page.getByRole("article").evaluateAll((all) => all.map((one) => one.dataset.id));

/** Where what is in sight stands, by id, in px. */
const places = (page) =>
  log(page).evaluate((element) => {
    const { top, bottom } = element.getBoundingClientRect();
    const all = [...element.querySelectorAll("article")].map((one) => [one.dataset.id, one.getBoundingClientRect()]);
    const inSight = all.filter(([, at]) => at.bottom > top && at.top < bottom);
    return Object.fromEntries(inSight.map(([id, at]) => [id, Math.round(at.top)]));
  });

test("A burst moves nothing that is read further up in 10,000 messages, follows at their end, and is counted.", async (t) => {
  const page = await open(t, "alice");
  const errors = [];
  page.on("console", (told) => told.type() === "error" && errors.push(told.text()));
  await enter(page, "Bob");
  // Back step by step, so that all between is loaded.
  for (const [from, to] of Object.entries(replies).toReversed()) {
    await (await message(page, `number ${from}.`)).getByRole("button", { name: /^Quoted from/ }).click();
    await message(page, `number ${to}.`);
  }
  await log(page).evaluate((element) => element.scrollTo(0, 0));
  await message(page, "number 1.");
  await becomes(() => page.getByRole("article").first().getAttribute("aria-setsize"), "10000");
  await log(page).evaluate((element) => element.scrollTo(0, element.scrollHeight / 2));
  await becomes(async () => Object.keys(await places(page)).length > 3, true);
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));

  const before = await places(page);
  await burst();
  await page.getByRole("button", { name: `${BURST} new` }).waitFor();
  assert.deepEqual(await places(page), before);
  // They are unread for as long as nobody has come to them.
  await page.getByRole("listitem", { name: `Bob, ${BURST} unread` }).waitFor();
  await becomes(() => page.title(), `(${BURST}) Bob`);

  await page.getByRole("button", { name: `${BURST} new` }).click();
  await message(page, `burst`);
  await page.getByRole("listitem", { name: /^Bob(, online)?$/ }).waitFor();
  const atEnd = () =>
    log(page).evaluate((element) => element.scrollHeight - element.scrollTop - element.clientHeight < 2);
  await becomes(atEnd, true);
  await burst();
  await becomes(() => page.getByRole("article").last().getAttribute("aria-posinset"), `${10_000 + 2 * BURST}`);
  await becomes(atEnd, true);
  await page.getByRole("listitem", { name: /^Bob(, online)?$/ }).waitFor();
  await becomes(() => page.title(), "Bob");
  assert.ok((await ids(page)).length < 100, "only what is in sight is on the page");
  assert.deepEqual(errors, []);
});
