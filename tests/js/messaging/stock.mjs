// A client of the messaging system, by the stock ws: as messaging-api.md says, and with no word of ours.

import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";

import WebSocket from "ws";

const url = process.env.CHAT_WS;
const [alice, bob] = JSON.parse(process.env.CHAT_PEOPLE);

/** A client that keeps what it is told, and hands on what is awaited. */
class Client {
  constructor(test) {
    this.told = [];
    this.waiting = [];
    this.socket = new WebSocket(url);
    this.socket.on("message", (data, isBinary) => {
      assert.equal(isBinary, false);
      this.told.push(JSON.parse(data));
      this.look();
    });
    this.closed = once(this.socket, "close");
    test.after(() => this.socket.terminate());
  }

  look() {
    this.waiting = this.waiting.filter(({ type, resolve }) => {
      const index = this.told.findIndex((told) => told.type === type);
      if (index < 0) return true;
      resolve(this.told.splice(index, 1)[0]);
      return false;
    });
  }

  expect(type) {
    return new Promise((resolve) => {
      this.waiting.push({ type, resolve });
      this.look();
    });
  }

  say(message) {
    this.socket.send(JSON.stringify(message));
  }

  async connect(who) {
    const welcome = await this.expect("connected");
    assert.equal(welcome.requiresAuth, true);
    this.say({ type: "authenticate", token: who.token });
    return this.expect("connected");
  }
}

test("two people talk", async (t) => {
  const [a, b] = [new Client(t), new Client(t)];
  const connected = await a.connect(alice);
  assert.deepEqual(connected.user.userId, alice.id);
  assert.deepEqual(connected.queuedEvents, []);
  await b.connect(bob);
  a.say({ type: "send_private_message", recipientId: bob.id, content: "Hello!" });
  const sent = await a.expect("message_sent");
  const received = await b.expect("new_private_message");
  assert.deepEqual(received.message, sent.message);
  b.say({ type: "mark_message_read", messageId: sent.messageId, conversationId: received.conversationId });
  assert.equal((await a.expect("message_read")).messageId, sent.messageId);
  a.say({ type: "typing", recipientId: bob.id, isTyping: true });
  assert.equal((await b.expect("user_typing")).userId, alice.id);
  a.say({ type: "get_private_messages", conversationId: sent.message.conversationId });
  const page = await a.expect("private_messages");
  assert.equal(page.messages.at(-1).isRead, true);
  a.say({ type: "ping" });
  assert.equal(typeof (await a.expect("pong")).timestamp, "number");
});

test("a client that is gone right after it read a message is not told it again", async (t) => {
  const a = new Client(t);
  await a.connect(alice);
  const b = new Client(t);
  await b.connect(bob);
  a.say({ type: "send_private_message", recipientId: bob.id, content: "read" });
  await b.expect("new_private_message");
  b.socket.terminate();
  await b.closed;
  a.say({ type: "send_private_message", recipientId: bob.id, content: "missed" });
  await a.expect("message_sent");
  await a.expect("message_sent");
  const again = new Client(t);
  const { queuedEvents } = await again.connect(bob);
  assert.deepEqual(
    queuedEvents.map((event) => event.message.content),
    ["missed"],
  );
});

test("whoever is not let in is told why", async (t) => {
  const client = new Client(t);
  await client.expect("connected");
  client.say({ type: "auth", token: "nonsense" });
  const refused = await client.expect("auth_error");
  assert.equal(refused.message, "Token validation failed");
  assert.equal(typeof refused.details, "string");
});
