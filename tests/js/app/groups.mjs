// A group, from its beginning to its end; run by tests/client/app/test_app.py.

import test from "node:test";

import { act, ask, becomes, enter, field, given, message, open, say } from "./support.mjs";

const { people } = given;

test("A group is made, talked in, led and left, and each member sees what becomes of it.", async (t) => {
  const alice = await open(t, "alice");
  const bob = await open(t, "bob");

  await alice.getByRole("button", { name: "New group" }).click();
  const dialog = alice.getByRole("dialog", { name: "New group" });
  await dialog.getByRole("textbox", { name: "Title" }).fill("Climbing");
  await dialog.getByRole("textbox", { name: "People" }).fill(people.bob);
  await dialog.getByRole("textbox", { name: "People" }).press("Enter");
  await dialog.getByRole("checkbox", { name: people.bob, checked: true }).waitFor();
  await dialog.getByRole("button", { name: "Create" }).click();
  await alice.getByRole("log", { name: "Messages with Climbing" }).waitFor();

  await field(alice).pressSequentially("Hello @bo");
  await alice.getByRole("option", { name: "Bob" }).click();
  await field(alice).press("Enter");
  await bob.getByRole("listitem", { name: /^Climbing.* 1 unread$/ }).click();
  await message(bob, "Hello @");
  await alice.getByRole("button", { name: "Announce" }).click();
  await say(alice, "We climb on Sunday.");
  await (await message(bob, "We climb on Sunday.")).getByText("Announcement").waitFor();
  await act(alice, "We climb on Sunday.", "Pin");
  await (await message(bob, "We climb on Sunday.")).getByText("pinned").waitFor();

  await alice.getByRole("button", { name: "Details" }).click();
  await alice.getByRole("button", { name: "Actions for Bob" }).click();
  await alice.getByRole("button", { name: "Make moderator" }).click();
  await alice.getByRole("listitem", { name: "Bob, moderator" }).waitFor();
  // What cannot be taken back is asked for once more.
  await alice.getByRole("button", { name: "Actions for Bob" }).click();
  await alice.getByRole("button", { name: "Hand the group over" }).click();
  await alice.getByRole("dialog", { name: "Hand the group over to Bob?" }).getByRole("button", { name: "Cancel" }).click();
  await alice.getByRole("button", { name: "Edit group" }).click();
  await alice.getByRole("dialog", { name: "Edit group" }).getByRole("textbox", { name: "Title" }).fill("Bouldering");
  await alice.getByRole("button", { name: "Save" }).click();
  await bob.getByRole("log", { name: "Messages with Bouldering" }).waitFor();

  // A draft is told of in the list as soon as another conversation is open.
  await bob.getByRole("button", { name: "Details" }).click();
  await field(bob).fill("Half a thou");
  await bob.getByRole("button", { name: "Actions for Alice" }).click();
  await bob.getByRole("button", { name: "Write to Alice" }).click();
  await bob.getByRole("log", { name: "Messages with Alice" }).waitFor();
  await bob.getByRole("listitem", { name: "Bouldering" }).getByText("Draft: Half a thou").waitFor();
  await enter(bob, "Bouldering");
  await becomes(() => field(bob).inputValue(), "Half a thou");

  await bob.getByRole("button", { name: "Details" }).click();
  await bob.getByRole("button", { name: "Leave the group" }).click();
  await bob.getByRole("dialog").getByRole("button", { name: "Leave" }).click();
  await bob.getByRole("listitem", { name: "Bouldering" }).waitFor({ state: "detached" });
  const details = alice.getByRole("complementary", { name: "Details" });
  await details.getByText("1 member").waitFor();

  // Removed, he does not see it any more.
  await alice.getByRole("button", { name: "Add people" }).click();
  const adding = alice.getByRole("dialog", { name: "Add people" });
  await adding.getByRole("textbox", { name: "People" }).fill(people.bob);
  await adding.getByRole("textbox", { name: "People" }).press("Enter");
  await adding.getByRole("button", { name: "Add", exact: true }).click();
  await bob.getByRole("listitem", { name: "Bouldering" }).waitFor();
  await alice.getByRole("button", { name: "Actions for Bob" }).click();
  await alice.getByRole("button", { name: "Remove from the group" }).click();
  const asked = alice.getByRole("dialog", { name: "Remove Bob from the group?" });
  await asked.getByRole("button", { name: "Remove" }).click();
  await bob.getByRole("listitem", { name: "Bouldering" }).waitFor({ state: "detached" });
  await alice.getByRole("listitem", { name: "Alice, owner" }).waitFor();
  await alice.getByRole("button", { name: "Hide with its history" }).click();
  await alice.getByRole("dialog", { name: "Hide Bouldering?" }).getByRole("button", { name: "Hide" }).click();
  await alice.getByRole("listitem", { name: "Bouldering" }).waitFor({ state: "detached" });
});

test("A conversation is blocked once that was asked about, for both; and unblocked at once.", async (t) => {
  const alice = await open(t, "alice");
  const bob = await open(t, "bob");
  await ask("alice", "chat:conversation_open", { recipientId: people.bob });
  for (const [page, other] of [[alice, "Bob"], [bob, "Alice"]]) await enter(page, other);
  await alice.getByRole("button", { name: "Details" }).click();
  await alice.getByRole("button", { name: "Block Bob" }).click();
  await alice.getByRole("dialog", { name: "Block Bob?" }).getByRole("button", { name: "Block" }).click();
  await becomes(() => field(alice).inputValue(), "You have blocked Bob.");
  await becomes(() => field(bob).inputValue(), "Alice has blocked you.");
  await alice.getByRole("complementary", { name: "Details" }).getByRole("button", { name: "Unblock" }).click();
  for (const page of [alice, bob]) await becomes(() => field(page).inputValue(), "");
});
