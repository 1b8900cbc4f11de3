// What becomes of a stock client's session while it is connected.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import test from "node:test";

import { client, Device, people } from "./support.mjs";

const other = JSON.parse(process.env.CHAT_ALICE);
// By which a session outlasts its token, in seconds.
const LEEWAY = 30;

/** A token whose session ends in so many seconds. */
function ending(userId, seconds) {
  const claims = { sub: userId, exp: Date.now() / 1000 - LEEWAY + seconds };
  const parts = [{ alg: "HS256", typ: "JWT" }, claims];
  const text = parts.map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".");
  const key = Buffer.from(process.env.CHAT_SECRET, "base64");
  return `${text}.${createHmac("sha256", key).update(text).digest("base64url")}`;
}

test("A client whose token expires is told so and why, and comes back by itself with a newer token.", async (t) => {
  // Long enough to connect with on a busy machine.
  const tokens = [ending(other.id, 4), other.token];
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
  const refused = await device.socket.emitWithAck("session:refresh", { token: other.token });
  assert.equal(refused.error.code, "AUTH_FAILED");
  await device.settled();
});
