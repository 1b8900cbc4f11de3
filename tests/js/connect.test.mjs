// The stock client connects, or learns why it may not.

import assert from "node:assert/strict";
import test from "node:test";

import { assertFields, client, Device, ISO_TIME, once, people, refusal, soon, url } from "./support.mjs";

const tokens = JSON.parse(process.env.CHAT_TOKENS);

for (const transport of ["websocket", "polling"]) {
  test(`A client that only knows ${transport} connects and is told about its session.`, async (t) => {
    const [alice] = people(1);
    const { socket, ready } = await Device.connect(t, alice, { transports: [transport] });
    assert.equal(socket.io.engine.transport.name, transport);
    assertFields(
      ready,
      "user connectionId recovered limited resync replayed serverTime expiresAt limits epoch",
    );
    assert.deepEqual(ready.user, {
      userId: alice.id,
      username: alice.username,
      displayName: alice.displayName,
    });
    assert.equal(ready.connectionId, socket.id);
    assert.deepEqual(
      [ready.recovered, ready.limited, ready.resync, ready.replayed],
      [false, false, [], 0],
    );
    assert.match(ready.serverTime, ISO_TIME);
    assert.match(ready.expiresAt, ISO_TIME);
    assert.ok(ready.expiresAt > ready.serverTime);
    assertFields(ready.limits, "maxMessageLength maxPayloadBytes messagesPerMinute typingIntervalMs maxFileSize maxFilesPerMessage");
    assert.equal(ready.limits.maxMessageLength, 10_000);
    assert.equal(typeof ready.epoch, "string");
  });
}

test("A client with default options starts by polling, moves to a websocket and loses nothing.", async (t) => {
  const [alice, bob] = people(2);
  const socket = client(t, { auth: { token: alice.token }, transports: undefined });
  const device = new Device(socket);
  // Set before anything is received, since the upgrade may come before session:ready.
  const upgraded = once(socket.io.engine, "upgrade");
  assert.equal(socket.io.engine.transport.name, "polling");
  await device.expect("session:ready");
  const { conversation } = await device.do("chat:conversation_open", { recipientId: bob.id });
  const during = Array.from({ length: 20 }, (_, number) =>
    device.do("chat:message_send", { conversationId: conversation.id, content: `${number}` }),
  );
  await upgraded;
  assert.equal(socket.io.engine.transport.name, "websocket");
  await Promise.all(during);
  await device.settled();
  assert.deepEqual(
    device.seen("chat:message_received").map((message) => message.content),
    Array.from({ length: 20 }, (_, number) => `${number}`),
  );
});

test("A client without a token is refused as AUTH_REQUIRED.", async (t) => {
  for (const auth of [undefined, {}, { token: "" }, { token: null }]) {
    const error = await refusal(t, auth);
    assert.equal(error.message, "Authentication required");
    assert.equal(error.data.code, "AUTH_REQUIRED");
    assert.equal(error.data.retryable, false);
  }
});

for (const [what, token] of Object.entries(tokens)) {
  test(`A client whose token is ${what} is refused as AUTH_FAILED.`, async (t) => {
    const error = await refusal(t, { token });
    assert.ok(error instanceof Error);
    assert.equal(error.message, "Token validation failed");
    assert.equal(error.data.code, "AUTH_FAILED");
    assert.equal(error.data.retryable, false);
  });
}

for (const transport of ["websocket", "polling"]) {
  test(`A client refused by ${transport} connects with a good token on the same manager.`, async (t) => {
    const [alice] = people(1);
    const socket = client(t, { auth: { token: "garbage" }, transports: [transport] });
    const manager = socket.io;
    assert.equal((await once(socket, "connect_error")).data.code, "AUTH_FAILED");
    const device = new Device(socket);
    socket.auth = { token: alice.token };
    socket.connect();
    const ready = await device.expect("session:ready");
    assert.equal(ready.user.userId, alice.id);
    assert.equal(socket.io, manager);
  });
}

test("A token given by a function is asked for afresh at every connection.", async (t) => {
  const [alice] = people(1);
  const given = ["garbage", alice.token];
  const socket = client(t, { auth: (give) => give({ token: given.shift() }) });
  assert.equal((await once(socket, "connect_error")).data.code, "AUTH_FAILED");
  socket.connect();
  assert.equal((await once(socket, "session:ready")).user.userId, alice.id);
});

test("A polling client that hangs up has its open poll answered, and is free to leave.", async () => {
  // By hand, since the stock client no longer listens; its process would stay for as long as the poll does.
  const session = `${url}/socket.io/?EIO=4&transport=polling`;
  const handshake = await (await fetch(session)).text();
  const { sid } = JSON.parse(handshake.slice(1));
  const poll = fetch(`${session}&sid=${sid}`);
  const closed = await fetch(`${session}&sid=${sid}`, { method: "POST", body: "1" });
  assert.equal(closed.status, 200);
  const answer = await soon(poll, "the answer to the poll");
  assert.deepEqual([answer.status, await answer.text()], [200, "6"]);
});

test("Another namespace is refused, and the main one on the same connection goes on.", async (t) => {
  const [alice] = people(1);
  const device = await Device.connect(t, alice);
  const admin = device.socket.io.socket("/admin", { auth: { token: alice.token } });
  t.after(() => admin.disconnect());
  const error = await once(admin, "connect_error");
  assert.equal(error.message, "Invalid namespace");
  assert.equal(admin.connected, false);
  await device.settled();
  assert.equal(device.socket.connected, true);
});

test("A client that hangs up and connects again has a new session.", async (t) => {
  const [alice] = people(1);
  const device = await Device.connect(t, alice);
  device.socket.disconnect().connect();
  const again = await device.expect("session:ready");
  assert.notEqual(again.connectionId, device.ready.connectionId);
  assert.equal(again.epoch, device.ready.epoch);
});
