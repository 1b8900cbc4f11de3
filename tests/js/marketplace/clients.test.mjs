// @stomp/stompjs over a WebSocket, and over sockjs-client by each of its transports, as clients of the system use them.

import assert from "node:assert/strict";
import test from "node:test";

import { conversation, Device, jane, john, NOTIFICATIONS, rest, topic, transports } from "./support.mjs";
import { soon } from "../support.mjs";

for (const [name, how] of Object.entries(transports)) {
  test(`Two people trade over ${name}.`, async (t) => {
    const conversationId = await conversation();
    const [a, b] = await Promise.all([jane, john].map((person) => Device.connect(t, person, how)));
    assert.equal(a.frame.headers["user-name"], jane.id);
    assert.equal(a.frame.headers["heart-beat"], "10000,30000");
    assert.equal(a.client.webSocket.wanted, a.client.webSocket.transport);
    for (const device of [a, b]) {
      await device.subscribe(topic(conversationId));
      await device.subscribe(NOTIFICATIONS);
    }
    const text = "50% off? 🚲 \\n : naïve \u2028 ✓";
    await a.send("/app/message.send", { conversationId, text });
    const told = await b.expect(topic(conversationId), "NEW_MESSAGE");
    assert.equal(told.message.text, text);
    assert.equal(told.message.senderName, jane.name);
    assert.deepEqual(await a.expect(topic(conversationId), "NEW_MESSAGE"), told);
    assert.deepEqual(await b.expect(NOTIFICATIONS, "NEW_MESSAGE"), told);
    const messages = await rest(john, "GET", `/messages?conversationId=${conversationId}`);
    assert.deepEqual(messages.at(-1), told.message);

    await b.send("/app/typing.start", { conversationId });
    const typing = { type: "USER_TYPING", conversationId, userId: john.id };
    assert.deepEqual(await a.expect(topic(conversationId), "USER_TYPING"), typing);
    assert.deepEqual(await a.expect(NOTIFICATIONS, "USER_TYPING"), typing);

    await rest(john, "PATCH", "/messages/mark-read", { messageIds: [told.message.id] });
    assert.deepEqual(await a.expect(NOTIFICATIONS, "MESSAGE_READ"), {
      type: "MESSAGE_READ",
      conversationId,
      messageIds: [told.message.id],
      userId: john.id,
    });

    // Many at once, in their order.
    const numbers = Array.from({ length: 50 }, (_, number) => `${number} %`);
    await Promise.all(numbers.map((each) => a.send("/app/message.send", { conversationId, text: each })));
    for (const each of numbers) {
      assert.equal((await b.expect(topic(conversationId), "NEW_MESSAGE")).message.text, each);
    }

    await b.done((headers) => b.client.unsubscribe("unknown", headers));
    const last = new Promise((resolve) => (a.client.onDisconnect = resolve));
    await a.client.deactivate();
    await soon(last, "the receipt of DISCONNECT");
  });

  test(`A wrong token is refused over ${name}, and the connection closed.`, async (t) => {
    const device = new Device(t, { token: "no.to.ken" }, how);
    device.client.activate();
    const error = await soon(device.error, "ERROR");
    assert.equal(error.headers.code, "AUTH_FAILED");
    await soon(device.closed, "the end");
  });

  test(`A message in several pieces goes over ${name}.`, async (t) => {
    const conversationId = await conversation();
    const device = await Device.connect(t, jane, how, { splitLargeFrames: true, maxWebSocketChunkSize: 1024 });
    await device.subscribe(topic(conversationId));
    const text = "0123456789".repeat(1000);
    await device.send("/app/message.send", { conversationId, text });
    assert.equal((await device.expect(topic(conversationId), "NEW_MESSAGE")).message.text, text);
  });
}

test("What is wrong is an ERROR with a reason, after which the server closes.", async (t) => {
  const device = await Device.connect(t, jane, transports["a WebSocket"]);
  device.client.publish({ destination: "/topic/conversation.x", body: "{}" });
  const error = await soon(device.error, "ERROR");
  assert.ok(error.headers.message);
  await soon(device.closed, "the end");
});

test("A client that reconnects by itself subscribes anew and goes on.", async (t) => {
  const conversationId = await conversation();
  const device = await Device.connect(t, jane, transports["a WebSocket"], { reconnectDelay: 10 });
  const again = new Promise((resolve) => (device.client.onConnect = resolve));
  device.client.webSocket.terminate();
  await soon(again, "the second CONNECTED");
  await device.subscribe(topic(conversationId));
  await device.send("/app/message.send", { conversationId, text: "Back" });
  assert.equal((await device.expect(topic(conversationId), "NEW_MESSAGE")).message.text, "Back");
});

test("A text that the client's splitting cuts within a character is an ERROR, and never another text.", async (t) => {
  const conversationId = await conversation();
  const options = { splitLargeFrames: true, maxWebSocketChunkSize: 1024 };
  const sent = [];
  // By what stands before them, one of the two is cut within a surrogate pair.
  for (const text of ["🚲".repeat(1500), `-${"🚲".repeat(1500)}`]) {
    const device = await Device.connect(t, jane, transports["a WebSocket"], options);
    const done = device.send("/app/message.send", { conversationId, text });
    await done.then(() => sent.push(text), (error) => assert.match(error.message, /content-length/));
  }
  assert.equal(sent.length, 1);
  const messages = await rest(john, "GET", `/messages?conversationId=${conversationId}`);
  assert.deepEqual(messages.map(({ text }) => text), ["Hello", ...sent]);
});
