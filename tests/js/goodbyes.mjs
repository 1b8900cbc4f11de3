// What a stock client hears when the server ends its session: run by tests/doors/connection/test_goodbyes.py.

import assert from "node:assert/strict";
import test from "node:test";

import { client, once, people, soon } from "./support.mjs";

const { CHAT_END: end, CHAT_GOODBYE: goodbye } = process.env;

/** A client of somebody, with what it heard and what became of it, in order. */
function listener(t, person, options) {
  const socket = client(t, { auth: { token: person.token }, reconnectionDelay: 10, ...options });
  const heard = [];
  for (const name of ["session:ready", "session:draining", "error"]) {
    socket.on(name, (data) => heard.push(data?.code ? `${name} ${data.code}` : name));
  }
  socket.on("disconnect", () => heard.push("disconnect"));
  socket.on("connect_error", (error) => heard.push(`connect_error ${error.data?.code}`));
  return { socket, heard };
}

/** Listens until the session has ended, and where it may, until the next one has begun. */
async function listen(t, person, transports, reconnection) {
  const { socket, heard } = listener(t, person, { transports, reconnection });
  await once(socket, "session:ready");
  const ended = once(socket, "disconnect");
  if (end === "superseded") {
    const newer = listener(t, person, { transports });
    await once(newer.socket, "session:ready");
    await ended;
    // It stays away: the two would close each other for ever.
    assert.equal(socket.active, false);
    await soon(newer.socket.emitWithAck("system:ping", {}), "the newer one's answer");
    assert.deepEqual(newer.heard, ["session:ready"]);
    newer.socket.disconnect();
  } else {
    await ended;
    if (reconnection) {
      await once(socket, "session:ready");
      await soon(socket.emitWithAck("system:ping", {}), "an answer");
    }
  }
  const again = reconnection && end !== "superseded" ? ["session:ready"] : [];
  assert.deepEqual(heard, ["session:ready", goodbye, "disconnect", ...again], transports[0]);
  socket.disconnect();
}

test("What ends a session says why, once, in that session and not in the next.", async (t) => {
  const listening = [];
  for (const transport of ["polling", "websocket"]) {
    for (const reconnection of [false, true]) {
      listening.push(listen(t, people(1)[0], [transport], reconnection));
    }
  }
  await Promise.all(listening);
});
