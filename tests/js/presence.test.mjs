// Contacts see who is online.

import assert from "node:assert/strict";
import test from "node:test";

import { assertFields, Device, ISO_TIME, open, people } from "./support.mjs";

/** Alice's device, and Bob, whom she has a conversation with and who is not there yet. */
async function contacts(t) {
  const [alice, bob] = people(2);
  const a = await Device.connect(t, alice);
  await open(a, bob);
  return { alice, bob, a };
}

test("A contact who connects is announced as online, once for all their devices.", async (t) => {
  const { bob, a } = await contacts(t);
  const first = await Device.connect(t, bob);
  const change = await a.expect("user:status_changed");
  assertFields(change, "userId status timestamp");
  assert.deepEqual([change.userId, change.status], [bob.id, "online"]);
  assert.match(change.timestamp, ISO_TIME);
  const second = await Device.connect(t, bob);
  for (const device of [first, second]) await device.do("presence:offline");
  // What is said of one person comes in order: had the second device been announced, that came first.
  assert.equal((await a.expect("user:status_changed")).status, "offline");
});

test("A contact is offline only when the last device says so, and then at once.", async (t) => {
  const { bob, a } = await contacts(t);
  const phone = await Device.connect(t, bob);
  const laptop = await Device.connect(t, bob);
  await a.expect("user:status_changed", (change) => change.status === "online");
  await phone.do("presence:offline");
  assert.deepEqual((await a.do("presence:list")).users, [
    { userId: bob.id, username: bob.username, displayName: bob.displayName },
  ]);
  assert.deepEqual(a.seen("user:status_changed"), []);
  await laptop.do("presence:offline");
  const change = await a.expect("user:status_changed");
  assert.deepEqual([change.userId, change.status], [bob.id, "offline"]);
  assert.deepEqual(await a.do("presence:list"), { success: true, users: [], count: 0 });
});

test("A person who was away is announced as online again, and told who is there.", async (t) => {
  const { alice, bob, a } = await contacts(t);
  const b = await Device.connect(t, bob);
  await a.expect("user:status_changed", (change) => change.status === "online");
  await b.do("presence:offline");
  await a.expect("user:status_changed", (change) => change.status === "offline");
  const { users } = await b.do("presence:online");
  assert.deepEqual(users, [
    { userId: alice.id, username: alice.username, displayName: alice.displayName },
  ]);
  const change = await a.expect("user:status_changed");
  assert.deepEqual([change.userId, change.status], [bob.id, "online"]);
});

test("A stranger neither hears that somebody comes nor finds them among those online.", async (t) => {
  const { bob, a } = await contacts(t);
  const [carol] = people(1);
  const c = await Device.connect(t, carol);
  await Device.connect(t, bob);
  // Alice has heard it, so it has been announced to whom it concerns.
  await a.expect("user:status_changed", (change) => change.userId === bob.id);
  await c.settled();
  assert.deepEqual(c.seen("user:status_changed"), []);
  assert.deepEqual(await c.do("presence:list"), { success: true, users: [], count: 0 });
});

test("Somebody who is blocked does not see the other online.", async (t) => {
  const { alice, bob, a } = await contacts(t);
  const b = await Device.connect(t, bob);
  assert.equal((await b.do("presence:list")).count, 1);
  await a.do("user:block", { userId: bob.id });
  assert.equal((await b.do("presence:list")).count, 0);
  await a.do("user:unblock", { userId: bob.id });
  assert.equal((await b.do("presence:list")).users[0].userId, alice.id);
});
