// A build for development under React's StrictMode, where effects run twice; run by tests/client/app/test_app.py.

import assert from "node:assert/strict";
import test from "node:test";

import { ask, becomes, commandsOf, enter, given, message, open, say, shown } from "./support.mjs";

const { people } = given;
await Promise.all(
  ["bob", "carol"].map(async (user) => {
    const { conversation } = await ask(user, "chat:conversation_open", { recipientId: people.alice });
    for (let number = 1; number <= 120; number += 1) {
      await ask(user, "chat:message_send", { conversationId: conversation.id, content: `${user} ${number}.` });
    }
    await ask("alice", "chat:message_read", { conversationId: conversation.id, upToSeq: 1_000 });
  }),
);

test("Under StrictMode a page connects once, asks for each page once, and sends what is written once.", async (t) => {
  const sockets = [];
  const page = await open(t, null, { built: given.strict });
  const wrong = [];
  page.on("console", (said) => {
    if (said.type() === "error") wrong.push(said.text());
  });
  page.on("websocket", (socket) => sockets.push(socket.url()));
  await page.getByRole("button", { name: "Sign in as alice" }).click();
  await enter(page, "Bob");
  await say(page, "sent once");
  await (await message(page, "sent once")).getByRole("img", { name: "Sent" }).waitFor();
  // A reload signs in by what is kept.
  await page.reload();
  await (await message(page, "sent once")).getByRole("img", { name: "Sent" }).waitFor();
  await say(page, "and once more");
  await (await message(page, "and once more")).getByRole("img", { name: "Sent" }).waitFor();

  assert.equal(sockets.length, 2);
  const commands = commandsOf(page);
  assert.deepEqual(
    commands.filter(([name]) => name === "chat:message_send").map(([, { content }]) => content),
    ["sent once", "and once more"],
  );
  const asked = commands.filter(([name]) => name === "chat:history").map(([, payload]) => JSON.stringify(payload));
  assert.equal(new Set(asked.slice(0, asked.length / 2)).size, asked.length / 2, asked.join("\n"));
  assert.deepEqual(wrong, []);
});

test("From one conversation to another and back at once: each is shown once, in order, whatever answers come late.", async (t) => {
  const page = await open(t, null, { built: given.strict });
  let hold = false;
  const held = [];
  await page.routeWebSocket(/\/socket\.io\//, (socket) => {
    const server = socket.connectToServer();
    server.onMessage((text) => {
      if (hold) held.push(() => socket.send(text));
      else socket.send(text);
    });
  });
  await page.getByRole("button", { name: "Sign in as alice" }).click();
  await page.getByRole("listitem", { name: "Carol" }).waitFor();
  hold = true;
  for (const name of ["Bob", "Carol", "Bob", "Carol", "Bob"]) await enter(page, name);
  hold = false;
  for (const send of held.splice(0)) send();

  for (const name of ["Bob", "Carol"]) {
    await enter(page, name);
    const user = name.toLowerCase();
    await message(page, `${user} 120.`);
    // To the very beginning, so that every page was prepended.
    await becomes(async () => {
      await page.getByRole("log").evaluate((log) => log.scrollTo(0, 0));
      return (await shown(page, /\w+ \d+(?=\.)/))[0];
    }, `${user} 1`);
    const ids = await page.getByRole("article").evaluateAll((all) =>
      all.map((one) => [Number(one.getAttribute("aria-posinset")), Number(one.getAttribute("aria-setsize"))]),
    );
    assert.deepEqual(ids, ids.map((_, index) => [index + 1, name === "Bob" ? 122 : 120]));
    const order = await shown(page, /\w+ \d+(?=\.)/);
    assert.deepEqual(order, order.map((_, index) => `${user} ${index + 1}`));
  }
});
