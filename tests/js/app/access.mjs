// What axe and a keyboard find; run by tests/client/app/test_app.py.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { readFile } from "node:fs/promises";
import test from "node:test";

import { ask, becomes, enter, field, given, message, open, upload } from "./support.mjs";

const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const { people } = given;

const { conversation: group } = await ask("alice", "group:create", {
  title: "Saturday ride",
  participantIds: [people.bob],
});
const say = async (user, conversationId, content, more = {}) =>
  (await ask(user, "chat:message_send", { conversationId, content, ...more })).message;
const first = await say("alice", group.id, "Who is in?");
await say("bob", group.id, `@${people.alice} I am, with \`lights\``, { replyToMessageId: first.id });
await ask("bob", "chat:reaction_add", { messageId: first.id, reaction: "👍" });
await ask("alice", "chat:message_pin", { messageId: first.id });
const TONE = Buffer.from("GkXfo59ChoEBQveBAULygQRC84EIQoKEd2VibUKHgQRChYEC", "base64");
const PICTURE = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);
const fileIds = [
  await upload("bob", group.id, "notes.txt", Buffer.from("notes")),
  await upload("bob", group.id, "lake.png", PICTURE, { type: "image/png", width: 1, height: 1 }),
];
await ask("bob", "chat:message_send", { conversationId: group.id, content: "With files", fileIds });
const voice = await upload("bob", group.id, "voice.webm", TONE, { type: "audio/webm", duration: 2_000, waveform: [9, 255] });
await ask("bob", "chat:message_send", { conversationId: group.id, fileIds: [voice] });
await ask("alice", "group:announce", { conversationId: group.id, content: "At nine." });
const { conversation: direct } = await ask("bob", "chat:conversation_open", { recipientId: people.alice });
await say("bob", direct.id, "Hello");

/** What axe finds serious on a page as it is now. */
async function serious(page) {
  const { violations } = await page.evaluate(async (source) => {
    // Trusted Types let no text be run but one that a policy has made.
    const policy = globalThis.trustedTypes.createPolicy(`axe-${Math.random()}`, { createScript: (text) => text });
    if (!globalThis.axe) (0, eval)(policy.createScript(source));
    return globalThis.axe.run(document, { resultTypes: ["violations"] });
  }, axe);
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => [id, nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`)]);
}

const VIEWS = {
  light: { colorScheme: "light" },
  dark: { colorScheme: "dark" },
  phone: { viewport: { width: 390, height: 780 }, hasTouch: true, isMobile: true },
};

for (const [name, options] of Object.entries(VIEWS)) {
  test(`axe finds nothing serious (${name}).`, async (t) => {
    const page = await open(t, null, { bypassCSP: true, reducedMotion: "reduce", ...options });
    assert.deepEqual(await serious(page), []);
    await page.getByRole("button", { name: "Sign in as alice" }).click();
    await page.getByRole("listitem", { name: /^Bob/ }).waitFor();
    assert.deepEqual(await serious(page), []);

    await enter(page, "Saturday ride");
    await page.getByRole("button", { name: "Download notes.txt" }).waitFor();
    const article = await message(page, "Who is in?");
    await article.focus();
    await article.getByRole("button", { name: "More" }).waitFor({ state: "attached" });
    assert.deepEqual(await serious(page), []);

    await page.getByRole("button", { name: "Details" }).click();
    await page.getByRole("complementary", { name: "Details" }).getByText("2 members").waitFor();
    assert.deepEqual(await serious(page), []);
    await page.getByRole("button", { name: "Close" }).click();

    if (name === "phone") {
      await page.goBack();
      await page.getByRole("navigation", { name: "Conversations" }).waitFor();
    }
    await page.getByRole("button", { name: "New group" }).click();
    await page.getByRole("dialog", { name: "New group" }).waitFor();
    assert.deepEqual(await serious(page), []);
  });
}

test("Everything is done by keyboard: the list, the messages, and what may be done about them.", async (t) => {
  const page = await open(t, "alice");
  const focused = () => page.evaluate(() => document.activeElement?.closest("[aria-label]")?.getAttribute("aria-label"));
  await page.getByRole("listitem", { name: "Saturday ride" }).waitFor();
  await page.keyboard.press("Control+k");
  await becomes(focused, "Search");
  await page.keyboard.press("Escape");
  await page.getByRole("searchbox", { name: "Search" }).focus();
  await page.keyboard.press("Tab");
  const rows = page.getByRole("navigation", { name: "Conversations" }).getByRole("listitem");
  const [first, second] = await rows.evaluateAll((items) => items.map((item) => item.getAttribute("aria-label")));
  await page.keyboard.press("Home");
  await becomes(focused, first);
  await page.keyboard.press("ArrowDown");
  await becomes(focused, second);
  await page.keyboard.press("Enter");
  await page.getByRole("log", { name: `Messages with ${second.split(",")[0]}` }).waitFor();
  await page.keyboard.press("Alt+ArrowUp");
  await page.keyboard.press("Alt+ArrowDown");
  await enter(page, "Saturday ride");
  await message(page, "At nine.");

  await page.keyboard.press("Shift+Tab");
  while (!(await page.evaluate(() => document.activeElement?.matches("article")))) await page.keyboard.press("Shift+Tab");
  await page.keyboard.press("Home");
  await becomes(() => page.evaluate(() => document.activeElement?.textContent.includes("Who is in?")), true);
  await page.keyboard.press("r");
  await becomes(focused, "Message");
  await page.keyboard.type("Me too");
  await page.keyboard.press("Enter");
  await (await message(page, "Me too")).getByRole("button", { name: /^Quoted from Alice/ }).waitFor();

  await field(page).pressSequentially("@bo");
  await page.getByRole("option", { name: "Bob", selected: true }).waitFor();
  await page.keyboard.press("Enter");
  await becomes(() => field(page).inputValue(), `@${people.bob} `);

  // Whatever opens gives the focus back, and the message has it where its buttons go.
  for (const name of ["New group", "New conversation"]) {
    await page.getByRole("button", { name }).press("Enter");
    await page.getByRole("dialog", { name }).waitFor();
    await page.keyboard.press("Escape");
    await becomes(focused, name);
  }
  await page.getByRole("button", { name: "Open lake.png" }).press("Enter");
  await page.getByRole("dialog", { name: "lake.png" }).waitFor();
  await page.keyboard.press("Escape");
  await becomes(focused, "Open lake.png");
  const mine = await message(page, "Me too");
  const label = await mine.getAttribute("aria-label");
  await mine.press("+");
  await becomes(focused, "thumbs up");
  await page.getByRole("button", { name: "All emoji" }).press("Enter");
  await becomes(focused, "Search emoji");
  await page.keyboard.press("Escape");
  await becomes(focused, label);
  await mine.getByRole("button", { name: "Delete" }).press("Enter");
  await page.getByRole("button", { name: "Delete for everyone" }).press("Enter");
  await message(page, "Message deleted");
  await becomes(focused, label);
});

test("What goes wrong is told in the dialog that is open, and a token that is refused is called that.", async (t) => {
  const page = await open(t, "alice");
  await page.getByRole("button", { name: "New conversation" }).click();
  const dialog = page.getByRole("dialog", { name: "New conversation" });
  await dialog.getByRole("textbox", { name: "People" }).fill("nobody-here");
  await page.keyboard.press("Enter");
  await dialog.getByRole("alert").getByText("User not found").waitFor();
  await dialog.getByRole("button", { name: "Dismiss" }).click();
  await page.keyboard.press("Escape");

  await page.getByRole("button", { name: /^Account of/ }).click();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByText("Sign in with a token").click();
  await page.getByRole("textbox", { name: "Token" }).fill("not.a.token");
  await page.keyboard.press("Enter");
  await page.getByRole("alert").getByText("does not accept this token").waitFor();
  await page.getByRole("textbox", { name: "Token" }).waitFor();
});
