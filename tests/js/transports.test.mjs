// What a stock client may do with its transports.

import assert from "node:assert/strict";
import test from "node:test";

import { client, Device, once, people, soon } from "./support.mjs";

const auth = (person) => ({ auth: { token: person.token } });

test("What is sent before the connection is up comes in one request, and is all answered.", async (t) => {
  const [alice] = people(1);
  const socket = client(t, { ...auth(alice), transports: ["polling"] });
  const pings = Array.from({ length: 1500 }, () => socket.emitWithAck("system:ping", {}));
  const acks = await soon(Promise.all(pings), "1,500 acks");
  assert.ok(acks.every((ack) => ack.success));
  assert.equal(socket.connected, true);
});

test("More than one request or the send queue holds is sent and answered at the client's pace.", async (t) => {
  const [alice, bob] = people(2);
  const socket = client(t, { ...auth(alice), transports: ["polling"] });
  const content = "x".repeat(8000);
  const sends = Array.from({ length: 200 }, () =>
    socket.emitWithAck("chat:message_send", { recipientId: bob.id, content }),
  );
  const acks = await soon(Promise.all(sends), "200 acks");
  assert.ok(acks.every((ack) => ack.success));
  assert.equal(socket.connected, true);
});

test("What is sent while the transport changes arrives once, in order, and so do the answers.", async (t) => {
  const [alice, bob] = people(2);
  const a = new Device(client(t, { ...auth(alice), transports: ["polling", "websocket"] }));
  const upgraded = new Promise((resolve) => a.socket.io.once("open", () => {
    a.socket.io.engine.once("upgrade", resolve);
  }));
  await a.expect("session:ready");
  const { conversation } = await a.do("chat:conversation_open", { recipientId: bob.id });
  const send = (n) => a.do("chat:message_send", { conversationId: conversation.id, content: `${n}` });
  const sent = [];
  for (let n = 0; n < 100; n++) {
    sent.push(send(n));
    if (n % 10 === 0) await new Promise(setImmediate);
  }
  const acks = await Promise.all(sent);
  await soon(upgraded, "the upgrade");
  assert.equal(a.socket.io.engine.transport.name, "websocket");
  assert.deepEqual(acks.map((ack) => ack.message.seq - acks[0].message.seq), [...acks.keys()]);
  await a.settled();
  const pushed = a.seen("chat:message_received").map((push) => push.seq);
  assert.deepEqual(pushed, acks.map((ack) => ack.message.seq));
});

test("A client that offers subprotocols is answered with the first.", async (t) => {
  const [alice] = people(1);
  const socket = client(t, { ...auth(alice), protocols: ["chat", "v2.chat"] });
  await once(socket, "session:ready");
  assert.equal(socket.io.engine.transport.ws.protocol, "chat");
});
