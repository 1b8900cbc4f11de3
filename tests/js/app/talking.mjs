// Two people talk; run by tests/client/app/test_app.py.

import assert from "node:assert/strict";
import test from "node:test";

import { act, becomes, enter, field, given, isKept, message, open, say } from "./support.mjs";

test("Two people who signed in by one press each talk, and each sees what the other does.", async (t) => {
  const alice = await open(t, "alice");
  const bob = await open(t, "bob");

  await alice.getByRole("button", { name: "New conversation" }).click();
  const dialog = alice.getByRole("dialog", { name: "New conversation" });
  await dialog.getByRole("textbox", { name: "People" }).fill(given.people.bob);
  await dialog.getByRole("textbox", { name: "People" }).press("Enter");
  await alice.getByRole("log", { name: "Messages with Bob" }).waitFor();
  await say(alice, "Hello Bob, see https://example.com/a_(b)?c=1.");

  await bob.getByRole("listitem", { name: /^Alice.* 1 unread$/ }).click();
  const link = (await message(bob, "Hello Bob")).getByRole("link");
  assert.equal(await link.getAttribute("href"), "https://example.com/a_(b)?c=1");
  await bob.getByRole("separator", { name: "1 unread" }).waitFor();
  await (await message(alice, "Hello Bob")).getByRole("img", { name: "Read" }).waitFor();

  await field(bob).pressSequentially("Hi");
  await alice.getByRole("status").filter({ hasText: "Bob is typing…" }).waitFor();
  await field(bob).press("Enter");
  await act(alice, "Hi", "React");
  await alice.getByRole("button", { name: "thumbs up" }).click();
  const chip = (await message(bob, "Hi")).getByRole("button", { name: /👍/u });
  await chip.waitFor();
  await (await message(alice, "Hi")).getByRole("button", { name: /👍/u }).click();
  await chip.waitFor({ state: "detached" });

  await act(bob, "Hello Bob", "Reply");
  await say(bob, "That is a strange address");
  const reply = await message(alice, "strange address");
  await reply.getByRole("button", { name: /^Quoted from Alice/ }).click();

  await field(alice).press("ArrowUp");
  const edit = alice.getByRole("textbox", { name: "Edit text" });
  await edit.fill("Hello Robert");
  await edit.press("Enter");
  await (await message(bob, "Hello Robert")).getByText("edited").waitFor();

  await act(bob, "strange address", "Delete");
  await bob.getByRole("button", { name: "Delete for everyone" }).click();
  await message(alice, "Message deleted");
});

test("Enter that an input method takes sends nothing, and what is written stays over a reload.", async (t) => {
  const alice = await open(t, "alice");
  await enter(alice, "Bob");
  await field(alice).fill("にほん");
  await field(alice).evaluate((element) => {
    const key = { key: "Enter", bubbles: true, cancelable: true };
    element.dispatchEvent(new KeyboardEvent("keydown", { ...key, isComposing: true }));
    element.dispatchEvent(new KeyboardEvent("keydown", { ...key, keyCode: 229 }));
  });
  assert.equal(await field(alice).inputValue(), "にほん");
  // It is kept beside the typing.
  await becomes(() => isKept(alice, "にほん"), true);
  await alice.reload();
  await enter(alice, "Bob");
  await becomes(() => field(alice).inputValue(), "にほん");
});

test("A finger that rests on a message opens its menu, which stays when the finger goes.", async (t) => {
  const bob = await open(t, "bob", { viewport: { width: 390, height: 780 }, hasTouch: true, isMobile: true });
  await enter(bob, "Alice");
  const article = await message(bob, "Hello Robert");
  const finger = await bob.context().newCDPSession(bob);
  const { x, y } = await article.getByText("Hello Robert").boundingBox();
  await finger.send("Input.dispatchTouchEvent", { type: "touchStart", touchPoints: [{ x: x + 5, y: y + 5 }] });
  // None is ever quite still.
  await finger.send("Input.dispatchTouchEvent", { type: "touchMove", touchPoints: [{ x: x + 7, y: y + 4 }] });
  await article.getByRole("toolbar").waitFor();
  await finger.send("Input.dispatchTouchEvent", { type: "touchEnd", touchPoints: [] });
  await article.getByRole("button", { name: "Copy text" }).waitFor();
});
