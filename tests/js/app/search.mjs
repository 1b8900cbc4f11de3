// Finding messages, and what notifies of a conversation; run by tests/client/app/test_search.py.

import assert from "node:assert/strict";
import test from "node:test";

import { ask, becomes, enter, given, message, open } from "./support.mjs";

const { people } = given;
const COUNT = 240;

const { conversation } = await ask("alice", "chat:conversation_open", { recipientId: people.bob });
const send = (user, id, content) => ask(user, "chat:message_send", { conversationId: id, content });
await send("bob", conversation.id, "Only one needle 🐎 lies in this <b>haystack</b>");
for (let number = 0; number < COUNT; number += 20) {
  const numbers = Array.from({ length: 20 }, (_, index) => number + index);
  await Promise.all(numbers.map((one) => send("bob", conversation.id, `straw ${one}.`)));
}
await ask("alice", "chat:message_read", { conversationId: conversation.id, upToSeq: 1_000 });
const other = await ask("alice", "chat:conversation_open", { recipientId: people.carol });
await send("carol", other.conversation.id, "No needles, please: " + "x".repeat(400) + " but one Needle");

const isInSight = (article) =>
  article.evaluate((element) => {
    const { top, bottom } = element.getBoundingClientRect();
    return top >= 0 && bottom <= innerHeight;
  });

test("A search shows what was found with its hits marked, and leads there by keyboard, however far back it is.", async (t) => {
  const page = await open(t, "alice");
  await enter(page, "Bob");
  await message(page, `straw ${COUNT - 1}.`);
  await page.keyboard.press("Control+k");
  const dialog = page.getByRole("dialog", { name: "Search" });
  await dialog.getByRole("searchbox").fill("needle");
  await becomes(() => dialog.getByRole("option").count(), 2);
  const [first, second] = await dialog.getByRole("option").all();
  assert.match(await first.innerText(), /Carol.*No needles, please/s);
  assert.deepEqual(await first.locator("mark").allInnerTexts(), ["needle"]);
  assert.match(await second.innerText(), /Bob.*Only one needle 🐎 lies in this <b>haystack<\/b>/s);
  assert.deepEqual(await second.locator("mark").allInnerTexts(), ["needle"]);

  await dialog.getByRole("button", { name: "Only in Bob" }).click();
  await becomes(() => dialog.getByRole("option").count(), 1);
  await dialog.getByRole("searchbox").press("Enter");
  await dialog.waitFor({ state: "detached" });
  const found = await message(page, "Only one needle");
  await becomes(() => isInSight(found), true);
  await page.keyboard.press("Escape");
  await message(page, `straw ${COUNT - 1}.`);
});

test("A result of another conversation opens that one, and what nobody said is not found.", async (t) => {
  const page = await open(t, "alice");
  await enter(page, "Bob");
  await page.getByRole("button", { name: "Find a message" }).click();
  const dialog = page.getByRole("dialog", { name: "Search" });
  await dialog.getByRole("searchbox").fill("nobody said this");
  await dialog.getByText("No message says “nobody said this”.").waitFor();
  await dialog.getByRole("searchbox").fill("BUT ONE");
  await dialog.getByRole("option", { name: /Carol/ }).click();
  await becomes(async () => isInSight(await message(page, "No needles, please")), true);
  await page.getByRole("log", { name: "Messages with Carol" }).waitFor();
});

test("A conversation is muted, made a favourite, archived and taken out of the archive in its details.", async (t) => {
  const page = await open(t, "alice");
  const list = page.getByRole("navigation", { name: "Conversations" });
  await enter(page, "Bob");
  const names = async () =>
    (await list.getByRole("listitem").evaluateAll((items) => items.map((item) => item.getAttribute("aria-label")))).map(
      (name) => name.split(",")[0],
    );
  await becomes(names, ["Carol", "Bob"]);
  await page.getByRole("button", { name: "Details" }).click();
  const details = page.getByRole("complementary", { name: "Details" });
  await details.getByRole("radio", { name: "Mentions of me" }).check();
  await details.getByRole("button", { name: "Mute for 1 hour" }).click();
  await list.getByRole("img", { name: "Muted" }).waitFor();
  await details.getByRole("button", { name: "Unmute" }).click();
  await list.getByRole("img", { name: "Muted" }).waitFor({ state: "detached" });

  await details.getByRole("button", { name: "Make a favourite" }).click();
  await becomes(names, ["Bob", "Carol"]);
  await details.getByRole("button", { name: "Archive", exact: true }).click();
  await becomes(names, ["Carol"]);
  await list.getByRole("button", { name: "Archived (1)" }).click();
  await becomes(names, ["Bob"]);
  const { conversation: now } = await ask("alice", "chat:conversation_get", { conversationId: conversation.id });
  assert.deepEqual(now.my_settings, { level: "mentions", muted_until: null, archived: true, favourite: true });
  await details.getByRole("button", { name: "Take out of the archive" }).click();
  await becomes(names, ["Bob", "Carol"]);
});
