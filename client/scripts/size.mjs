// How much the SDK adds to a page that has socket.io-client: `node scripts/size.mjs` prints it, and fails over the budget.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

import { build } from "vite";

/** Of the SDK beyond socket.io-client, in bytes after gzip. */
export const BUDGET = 10 * 1024;

const source = fileURLToPath(new URL("../packages/client/src/index.ts", import.meta.url));

async function sizeOf(code) {
  const folder = await mkdtemp(join(tmpdir(), "size-"));
  try {
    const entry = join(folder, "entry.js");
    await writeFile(entry, code);
    const { output } = await build({
      configFile: false,
      logLevel: "silent",
      root: fileURLToPath(new URL("..", import.meta.url)),
      resolve: {
        alias: {
          "@chatserver/client": source,
          "socket.io-client": fileURLToPath(
            import.meta.resolve("socket.io-client/package.json"),
          ).replace("package.json", "build/esm/index.js"),
        },
      },
      build: { write: false, minify: true, target: "es2022", rollupOptions: { input: entry } },
    });
    return gzipSync(output[0].code, { level: 9 }).length;
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Bytes after gzip that the SDK adds. */
export async function added() {
  const alone = await sizeOf('import { io } from "socket.io-client"; globalThis.used = io;');
  const all = await sizeOf(
    'import { createChat, indexedDb, memory, ChatError } from "@chatserver/client";' +
      "globalThis.used = [createChat, indexedDb, memory, ChatError];",
  );
  return all - alone;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const bytes = await added();
  console.log(
    `The SDK adds ${(bytes / 1024).toFixed(1)} kB after gzip; its budget is ${BUDGET / 1024} kB.`,
  );
  process.exitCode = bytes > BUDGET ? 1 : 0;
}
