// The unmodified client recovers: it sends back the pid and the last offset by itself.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Device, once, open, people, soon } from "./support.mjs";

const fast = { reconnectionDelay: 10, reconnectionDelayMax: 20, randomizationFactor: 0 };

/** Cuts the link as a network would, and waits until the client has noticed. */
async function cut(device) {
  const gone = once(device.socket, "disconnect");
  device.socket.io.engine.transport.ws.terminate();
  await gone;
}

function send(device, conversation, texts) {
  return Promise.all(
    texts.map((content) => device.do("chat:message_send", { conversationId: conversation.id, content })),
  );
}

/** The seqs of the messages that came, each once: a client drops what it has by seq. */
function seqs(device) {
  return [...new Set(device.seen("chat:message_received").map((message) => message.seq))];
}

test("A cut link is recovered: what was missed comes in order, and socket.recovered is true.", async (t) => {
  const [alice, bob] = people(2);
  const a = await Device.connect(t, alice);
  const conversation = await open(a, bob);
  const b = await Device.connect(t, bob, fast);
  assert.equal(b.socket.recovered, false);
  await send(a, conversation, ["1", "2"]);
  await b.expect("chat:message_received", (message) => message.seq === 3);
  for (let round = 0; round < 5; round += 1) {
    b.pushes.length = 0;
    // The server may commit these before or after it has noticed; the client must not care.
    const sending = send(a, conversation, ["x", "y", "z"]);
    await cut(b);
    await sending;
    const ready = await b.expect("session:ready");
    const last = 3 + 3 * (round + 1);
    await soon(
      (async () => {
        while (!seqs(b).includes(last)) await once(b.socket, "chat:message_received");
      })(),
      `message ${last}`,
    );
    assert.equal(b.socket.recovered, true);
    assert.equal(ready.recovered, true);
    const missed = seqs(b).filter((seq) => seq > last - 3);
    assert.deepEqual(missed, [last - 2, last - 1, last]);
  }
});

test("A client that asks for no recovery gets one argument per push, and no pid.", async (t) => {
  const [alice, bob] = people(2);
  const a = await Device.connect(t, alice, { auth: { token: alice.token, recovery: false } });
  const counts = [];
  a.socket.onAny((...args) => counts.push(args.length));
  const conversation = await open(a, bob);
  await send(a, conversation, ["1"]);
  await a.expect("chat:message_received");
  assert.deepEqual([...new Set(counts)], [2]);
  await cut(a);
  await once(a.socket, "session:ready");
  assert.ok(!a.socket.recovered);
});

test("A polling client recovers as well.", async (t) => {
  const [alice, bob] = people(2);
  const a = await Device.connect(t, alice);
  const conversation = await open(a, bob);
  const b = await Device.connect(t, bob, { ...fast, transports: ["polling"] });
  await send(a, conversation, ["1"]);
  await b.expect("chat:message_received");
  const gone = once(b.socket, "disconnect");
  b.socket.io.engine.close();
  await gone;
  await send(a, conversation, ["2", "3"]);
  await b.expect("session:ready");
  assert.equal(b.socket.recovered, true);
  assert.deepEqual(seqs(b).slice(-2), [3, 4]);
});
