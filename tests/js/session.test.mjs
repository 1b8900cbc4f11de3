// What becomes of a stock client's session while it is connected.

import assert from "node:assert/strict";
import test from "node:test";

import { client, Device, people } from "./support.mjs";

const expiring = JSON.parse(process.env.CHAT_EXPIRING);

test("A client whose token expires is told so and why, and comes back by itself with a newer token.", async (t) => {
  const tokens = [expiring.token, expiring.newer];
  const device = new Device(client(t, { auth: (give) => give({ token: tokens.shift() }) }));
  const first = await device.expect("session:ready");
  const told = await device.expect("session:expiring");
  assert.equal(told.expiresAt, first.expiresAt);
  const error = await device.expect("error");
  assert.equal(error.code, "AUTH_FAILED");
  const second = await device.expect("session:ready");
  assert.ok(second.expiresAt > first.expiresAt);
  assert.equal(second.recovered, true);
  assert.deepEqual(tokens, []);
});

test("A client goes on with a newer token, and with the old one where the newer is refused.", async (t) => {
  const [alice] = people(1);
  const device = await Device.connect(t, alice);
  const { expiresAt } = await device.do("session:refresh", { token: alice.token });
  assert.equal(expiresAt, device.ready.expiresAt);
  const refused = await device.socket.emitWithAck("session:refresh", { token: expiring.newer });
  assert.equal(refused.error.code, "AUTH_FAILED");
  await device.settled();
});
