// What breaks in the app breaks one part of it; run by tests/client/app/test_app.py.

import assert from "node:assert/strict";
import test from "node:test";

import { ask, becomes, enter, field, given, isKept, message, open } from "./support.mjs";

const { conversation } = await ask("alice", "chat:conversation_open", {
  recipientId: given.people.bob,
});
const say = (content) => ask("bob", "chat:message_send", { conversationId: conversation.id, content });
await say("All is well");
await ask("carol", "chat:conversation_open", {
  recipientId: given.people.alice,
});

/** Has what reaches a page of this one message be wrong: of a time that is none. */
async function poison(page) {
  let isPoisoned = true;
  await page.routeWebSocket(/socket\.io/, (socket) => {
    const server = socket.connectToServer();
    server.onMessage((frame) => {
      const isIt = isPoisoned && typeof frame === "string" && frame.includes("The poison");
      socket.send(isIt ? frame.replaceAll(/"created_at":"[^"]*"/g, '"created_at":"never"') : frame);
    });
  });
  return () => (isPoisoned = false);
}

test("Where a part breaks the others go on, what was typed stays, and a reload mends it.", async (t) => {
  const page = await open(t, null);
  const cure = await poison(page);
  await page.reload();
  await page.getByRole("button", { name: "Sign in as alice" }).click();
  await enter(page, "Bob");
  await message(page, "All is well");
  await field(page).fill("Half a sentence");
  await say("The poison");

  const broken = page.getByRole("alert").filter({ hasText: "Something went wrong here. Your drafts are kept." });
  // The list shows the message's time, and the messages do; the field is in neither.
  await becomes(() => broken.count(), 2);
  assert.equal(await field(page).inputValue(), "Half a sentence");
  // What is kept on the device has it, too, when it is written at last.
  await becomes(() => isKept(page, '"never"'), true);

  cure();
  await broken.first().getByRole("button", { name: "Reload" }).click();
  await message(page, "The poison");
  await becomes(() => field(page).inputValue(), "Half a sentence");
  assert.equal(await broken.count(), 0);
});
