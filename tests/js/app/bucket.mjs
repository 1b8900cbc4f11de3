// Files in a bucket, under the policy of the page as the server serves it; run by tests/client/app/test_files.py.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import test from "node:test";

import { ask, becomes, enter, field, given, install, message } from "./support.mjs";

await ask("alice", "chat:conversation_open", { recipientId: given.people.bob });

test("Files go to the bucket, are shown from there, and saved.", async (t) => {
  const alice = await install(t, "alice");
  const bob = await install(t, "bob");
  await enter(alice, "Bob");
  await enter(bob, "Alice");
  const asked = [];
  bob.context().on("request", (request) => asked.push(new URL(request.url()).origin));

  const picture = await alice.evaluate(() => document.createElement("canvas").toDataURL("image/png").split(",")[1]);
  const chosen = alice.waitForEvent("filechooser");
  await alice.getByRole("button", { name: "Attach" }).click();
  await (
    await chosen
  ).setFiles([
    { name: "lake.png", mimeType: "image/png", buffer: Buffer.from(picture, "base64") },
    { name: "plan.txt", mimeType: "text/plain", buffer: Buffer.from("At nine.") },
  ]);
  await field(alice).fill("All that you need");
  const send = alice.getByRole("button", { name: "Send", exact: true });
  await becomes(() => send.isEnabled(), true);
  await send.click();

  const got = await message(bob, "All that you need");
  const image = got.getByRole("button", { name: "Open lake.png" }).locator("img");
  await becomes(() => image.evaluate(({ naturalWidth }) => naturalWidth > 0), true);
  assert.ok(asked.includes(given.origin));
  const saved = bob.waitForEvent("download");
  await got.getByRole("button", { name: "Download plan.txt" }).click();
  assert.equal(await readFile(await (await saved).path(), "utf8"), "At nine.");
  await image.click();
  const picked = bob.waitForEvent("download");
  await bob.getByRole("dialog", { name: "lake.png" }).getByRole("button", { name: "Download" }).click();
  assert.equal((await picked).suggestedFilename(), "lake.png");
});
