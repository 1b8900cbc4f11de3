// Somebody's link is away; run by tests/client/app/test_app.py.

import test from "node:test";

import { ask, becomes, enter, field, given, message, open, say, shown } from "./support.mjs";

const texts = (page) => () => shown(page, /(?:mine|theirs) \d/);

test("What is written and what comes while the link is away is there once and in order, over a reload, too.", async (t) => {
  const { conversation } = await ask("alice", "chat:conversation_open", { recipientId: given.people.bob });
  const to = (content) => ask("bob", "chat:message_send", { conversationId: conversation.id, content });
  await to("theirs 1");
  const alice = await open(t, "alice");
  await enter(alice, "Bob");
  await message(alice, "theirs 1");

  await alice.context().setOffline(true);
  await say(alice, "mine 1");
  await say(alice, "mine 2");
  await alice.getByRole("status").filter({ hasText: "Offline · 2 will send" }).waitFor();
  await (await message(alice, "mine 2")).getByRole("img", { name: "Sending" }).waitFor();
  await to("theirs 2");
  await to("theirs 3");
  await alice.reload();
  await alice.getByRole("navigation", { name: "Conversations" }).waitFor();
  await alice.context().setOffline(false);

  const wanted = ["theirs 1", "theirs 2", "theirs 3", "mine 1", "mine 2"];
  await becomes(texts(alice), wanted);
  await (await message(alice, "mine 2")).getByRole("img", { name: "Sent" }).waitFor();
  const bob = await open(t, "bob");
  await enter(bob, "Alice");
  await becomes(texts(bob), wanted);
});

test("A message that was refused says why, and is sent when it is retried.", async (t) => {
  const { conversation } = await ask("alice", "chat:conversation_open", { recipientId: given.people.carol });
  const block = (block) => ask("carol", "chat:conversation_block", { conversationId: conversation.id, block });
  const alice = await open(t, "alice");
  await enter(alice, "Carol");
  await alice.context().setOffline(true);
  await say(alice, "Are you there?");
  await block(true);
  await alice.context().setOffline(false);
  const retry = (await message(alice, "Are you there?")).getByRole("button", { name: "Not sent. Retry" });
  await retry.waitFor();
  await becomes(() => field(alice).isDisabled(), true);
  await becomes(() => field(alice).inputValue(), "Carol has blocked you.");

  await block(false);
  await becomes(() => field(alice).isEnabled(), true);
  await retry.click();
  await (await message(alice, "Are you there?")).getByRole("img", { name: "Sent" }).waitFor();

  await field(alice).fill("x".repeat(10_001));
  await alice.getByText("at most 10,000").waitFor();
  await field(alice).press("Enter");
  await becomes(async () => (await field(alice).inputValue()).length, 10_001);
});

