// Writes what a build has compressed beside it, for servers that send it so: `node scripts/compress.mjs FOLDER`.

import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, gzip } from "node:zlib";

const WAYS = [
  [".br", promisify(brotliCompress), {}], // its best by default
  [".gz", promisify(gzip), { level: 9 }],
];
const TEXTS = /\.(?:css|html|js|json|map|svg|webmanifest)$/u;
// Less than one packet takes as long either way.
const LEAST = 1400;

for (const entry of await readdir(process.argv[2], { recursive: true, withFileTypes: true })) {
  if (!entry.isFile() || !TEXTS.test(entry.name)) continue;
  const path = join(entry.parentPath, entry.name);
  const text = await readFile(path);
  if (text.length < LEAST) continue;
  for (const [suffix, compress, options] of WAYS) {
    await writeFile(path + suffix, await compress(text, options));
  }
}
