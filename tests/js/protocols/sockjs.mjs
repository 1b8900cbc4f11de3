// What the stock SockJS client makes of an echo, by each of its transports alone; run by
// tests/doors/protocols/test_stock_clients.py.

import assert from "node:assert/strict";
import test from "node:test";

import SockJS from "sockjs-client";

const url = process.env.SOCKJS_URL;
// Long enough for a busy CI machine; nothing waits this long unless it fails.
const PATIENCE = 20_000;

const TEXTS = ["hello", "50% off", "%41%", "a\u2028b\u200d\uffff", "grüße 😀", '"quoted" \\ \n\r\t', "x".repeat(5000)];

function client(t, path, transports) {
  const socket = new SockJS(`${url}${path}`, null, { transports, timeout: PATIENCE });
  t.after(() => socket.close());
  const waiting = [];
  const came = [];
  const put = (what) => (waiting.length ? waiting.shift()(what) : came.push(what));
  socket.onopen = () => put("open");
  socket.onmessage = (event) => put(event.data);
  socket.onclose = (event) => put({ code: event.code, reason: event.reason });
  const next = () =>
    came.length
      ? Promise.resolve(came.shift())
      : new Promise((resolve, reject) => {
          const late = setTimeout(() => reject(new Error("nothing came")), PATIENCE);
          waiting.push((what) => {
            clearTimeout(late);
            resolve(what);
          });
        });
  return { socket, next };
}

for (const transport of ["websocket", "xhr-streaming", "eventsource", "xhr-polling"]) {
  test(`${transport}: what is said comes back, and the end is told`, async (t) => {
    const { socket, next } = client(t, "/echo", transport);
    assert.equal(await next(), "open");
    assert.equal(socket.transport, transport);
    for (const text of TEXTS) socket.send(text);
    for (const text of TEXTS) assert.equal(await next(), text);
    // Each in its own turn, past the end of the first stream.
    for (const text of TEXTS) {
      socket.send(text);
      assert.equal(await next(), text);
    }
    socket.send("close");
    assert.deepEqual(await next(), { code: 3000, reason: "Go away!" });
  });
}

test("without WebSockets another transport is found", async (t) => {
  const { socket, next } = client(t, "/disabled_websocket_echo");
  assert.equal(await next(), "open");
  assert.equal(socket.transport, "xhr-streaming");
  socket.send("hello");
  assert.equal(await next(), "hello");
});

test("a client that is refused by every transport is told so", async (t) => {
  const { next } = client(t, "/nowhere");
  assert.equal((await next()).code, 1002);
});
