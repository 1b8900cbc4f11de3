// A stock client that is refused for now: run by tests/doors/connection/test_goodbyes.py, with room for one connection.

import assert from "node:assert/strict";
import test from "node:test";

import { client, once, people } from "./support.mjs";

for (const transport of ["polling", "websocket"]) {
  test(`A client that found no room by ${transport} comes back by itself when there is some.`, async (t) => {
    const [alice, bob] = people(2);
    const options = (person) => ({
      auth: { token: person.token },
      transports: [transport],
      reconnectionDelay: 20,
      reconnectionDelayMax: 100,
    });
    const first = client(t, options(alice));
    await once(first, "session:ready");
    const second = client(t, options(bob));
    const refusals = [];
    second.on("connect_error", (error) => refusals.push(error.message));
    await once(second.io, "close");
    await once(second.io, "close");
    assert.equal(second.active, true);
    assert.equal(second.connected, false);
    first.disconnect();
    await once(second, "session:ready");
    assert.deepEqual(refusals, []);
    second.disconnect();
  });
}
