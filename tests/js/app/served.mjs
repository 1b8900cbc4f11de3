// The app as `chatserver serve --demo` serves it; run by tests/client/app/test_served.py.

import assert from "node:assert/strict";
import test from "node:test";

import { field, message, open, say } from "./support.mjs";

test("As the server serves it, one press each signs alice and bob in, and they talk.", async (t) => {
  const alice = await open(t, null, { built: null });
  const answers = [];
  alice.on("response", (answer) => answers.push([new URL(answer.url()).pathname, answer.status()]));
  await alice.reload();
  await alice.getByRole("button", { name: "Sign in as alice" }).click();
  // The demo has conversations from the beginning.
  await alice.getByRole("listitem").first().waitFor();
  await alice.getByRole("button", { name: "New conversation" }).click();
  await alice.getByRole("dialog", { name: "New conversation" }).getByRole("option", { name: "Bob" }).click();
  await alice.getByRole("log", { name: "Messages with Bob" }).waitFor();
  await say(alice, "Hello from the other tab");

  // Another tab of the same browser is another person.
  const bob = await alice.context().newPage();
  await bob.goto(alice.url().replace(/#.*/, ""));
  await bob.getByRole("button", { name: "Sign in as bob" }).click();
  await bob.getByRole("listitem", { name: /^Alice.* unread$/ }).filter({ hasText: "other tab" }).click();
  await message(bob, "Hello from the other tab");
  await field(bob).pressSequentially("And hello to you");
  await alice.getByRole("status").filter({ hasText: "Bob is typing…" }).waitFor();
  await field(bob).press("Enter");
  await message(alice, "And hello to you");

  assert.ok(answers.some(([path, status]) => path === "/demo/token" && status === 200));
  assert.deepEqual(answers.filter(([, status]) => status >= 400), []);
});
