// The server is killed under those who talk; run by tests/client/app/test_restarted.py.

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import test from "node:test";

import { ask, becomes, enter, field, given, message, open, say, shown } from "./support.mjs";

let server;

/** Starts the server, on the port that it has had, and gives its address once it listens. */
async function start() {
  const [file, ...rest] = given.command;
  server = spawn(file, rest, { env: given.environment, cwd: given.root, stdio: ["ignore", "pipe", "inherit"] });
  for await (const line of createInterface({ input: server.stdout })) {
    const found = /listening on .*:(\d+)/.exec(line);
    if (found) return `http://127.0.0.1:${found[1]}`;
  }
  throw new Error("the server did not start");
}

/** kill -9. */
async function kill() {
  const ended = new Promise((resolve) => server.once("exit", resolve));
  server.kill("SIGKILL");
  await ended;
}

test.after(kill);
given.url = await start();
given.environment.PORT = new URL(given.url).port;

test("The server is killed and started again under two who talk: both have all once, in order.", async (t) => {
  await ask("alice", "chat:conversation_open", { recipientId: given.people.bob });
  const alice = await open(t, "alice");
  const bob = await open(t, "bob");
  await enter(alice, "Bob");
  await enter(bob, "Alice");
  const wanted = [];
  for (let round = 0; round < 2; round += 1) {
    // The last of these may be on its way when the server dies.
    for (const letter of "ab") {
      await say(alice, `alice ${round}${letter}`);
      await say(bob, `bob ${round}${letter}`);
    }
    await kill();
    for (const page of [alice, bob]) {
      await page.getByRole("status").filter({ hasText: /^(?:Offline|Reconnecting|Connecting)/ }).waitFor();
    }
    await say(alice, `alice ${round}c`);
    await say(bob, `bob ${round}c`);
    await (await message(alice, `alice ${round}c`)).getByRole("img", { name: "Sending" }).waitFor();
    await start();
    for (const letter of "abc") wanted.push(`alice ${round}${letter}`, `bob ${round}${letter}`);
    await becomes(async () => (await shown(bob, /(?:alice|bob) \d\w/)).sort(), [...wanted].sort());
  }
  // Both see the same order, and each person's own is that in which they wrote.
  const order = await shown(bob, /(?:alice|bob) \d\w/);
  await becomes(() => shown(alice, /(?:alice|bob) \d\w/), order);
  for (const name of ["alice", "bob"]) {
    await becomes(() => order.filter((text) => text.startsWith(name)), wanted.filter((text) => text.startsWith(name)));
  }
  await (await message(alice, "alice 1c")).getByRole("img", { name: "Read" }).waitFor();
  await becomes(() => field(alice).inputValue(), "");
});
