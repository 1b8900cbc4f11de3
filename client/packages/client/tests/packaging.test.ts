import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { expect, test } from "vitest";

import { people, serverUrl } from "../../../testing/people.js";
import { added, BUDGET } from "../../../scripts/size.mjs";

const workspace = fileURLToPath(new URL("../../..", import.meta.url));

/** Runs a tool of the workspace, which throws with what it prints unless it succeeds. */
function run(tool: string, ...words: string[]): void {
  execFileSync(join(workspace, "node_modules/.bin", tool), words, { cwd: workspace });
}

test("The SDK adds no more to a page than its budget.", async () => {
  expect(await added()).toBeLessThanOrEqual(BUDGET);
});

test("The packages are what bundlers and TypeScript expect: publint and attw find nothing.", () => {
  run("tsc", "--build");
  for (const name of readdirSync(join(workspace, "packages"))) {
    const folder = join(workspace, "packages", name);
    run("publint", "--strict", folder);
    run("attw", "--pack", folder, "--profile", "esm-only");
  }
});

test("In Node.js the built client sends, and lets the process end when it is closed.", () => {
  const [alice, bob] = people(2);
  const program = `
    import { createChat } from "@chatserver/client";
    const [url, token, recipientId] = process.argv.slice(1);
    const chat = createChat({ url, token: () => token });
    chat.open();
    const message = await chat.send({ recipientId, content: "From Node.js" }).sent;
    console.log(message.content);
    chat.close();
  `;
  const words = ["--input-type=module", "--eval", program, serverUrl(), alice.token, bob.id];
  const cwd = join(workspace, "packages/client");
  expect(execFileSync(process.execPath, words, { cwd, encoding: "utf8" })).toBe("From Node.js\n");
});
