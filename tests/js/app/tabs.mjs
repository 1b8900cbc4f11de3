// One person in two tabs; run by tests/client/app/test_app.py.

import assert from "node:assert/strict";
import test from "node:test";

import { ask, becomes, commandsOf, enter, field, given, message, open, openTab, say, shown } from "./support.mjs";

const { people } = given;
const { conversation } = await ask("alice", "chat:conversation_open", { recipientId: people.bob });
await ask("carol", "chat:conversation_open", { recipientId: people.alice });
const hello = (content) => ask("bob", "chat:message_send", { conversationId: conversation.id, content });

test("Two tabs of one person show the same: messages, what is unread, drafts, and what waits to be sent.", async (t) => {
  const first = await open(t, "alice");
  const second = await openTab(first.context(), "alice");
  const both = [first, second];

  await hello("from bob 1");
  await hello("from bob 2");
  for (const page of both) await page.getByRole("listitem", { name: /^Bob.* 2 unread$/ }).waitFor();
  await enter(first, "Bob");
  await message(first, "from bob 2");
  for (const page of both) await page.getByRole("listitem", { name: /^Bob[^\d]*$/ }).waitFor();

  await field(first).fill("half a thou");
  await second.getByRole("listitem", { name: "Bob" }).getByText("Draft: half a thou").waitFor();
  await enter(second, "Bob");
  await becomes(() => field(second).inputValue(), "half a thou");
  await field(second).fill("a whole thought");
  await becomes(() => field(first).inputValue(), "a whole thought");

  await first.context().setOffline(true);
  const wanted = [];
  for (const number of [1, 2, 3, 4]) {
    const [writes, sees] = number % 2 ? both : [second, first];
    await say(writes, `tab ${number}`);
    await (await message(sees, `tab ${number}`)).getByRole("img", { name: "Sending" }).waitFor();
    wanted.push(`tab ${number}`);
  }
  for (const page of both) {
    await page.getByRole("status").filter({ hasText: "Offline · 4 will send" }).waitFor();
    assert.equal(await field(page).inputValue(), "");
  }
  await first.context().setOffline(false);
  for (const page of both) {
    await (await message(page, "tab 4")).getByRole("img", { name: "Sent" }).waitFor();
    await becomes(() => shown(page, /tab \d/), wanted);
  }
  // One outbox: each left once, whichever tab had the lead.
  const sent = commandsOf(first).filter(([name]) => name === "chat:message_send");
  assert.deepEqual(sent.map(([, { content }]) => content), wanted);
  const bob = await open(t, "bob");
  await enter(bob, "Alice");
  await becomes(() => shown(bob, /tab \d/), wanted);
});

test("What was not sent is there after a reload, as a draft in the list, too, where nothing was opened since.", async (t) => {
  const page = await open(t, "alice");
  await enter(page, "Bob");
  await field(page).fill("for bob");
  await enter(page, "Carol");
  await field(page).fill("for carol");
  const other = await openTab(page.context(), "alice");
  for (const tab of [other, page]) {
    // Written beside the typing, and told to other tabs once it is.
    await other.getByRole("listitem", { name: "Carol" }).getByText("Draft: for carol").waitFor();
    if (tab === page) {
      await page.goto(given.url);
      await page.reload();
    }
    for (const name of ["bob", "carol"]) {
      const title = name.slice(0, 1).toUpperCase() + name.slice(1);
      await tab.getByRole("listitem", { name: title }).getByText(`Draft: for ${name}`).waitFor();
    }
  }
  await enter(page, "Bob");
  await becomes(() => field(page).inputValue(), "for bob");
});
