// Runs the code of a README, all of its blocks as one program, and that of examples/.

import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { onTestFinished } from "vitest";

/**
 * Writes the program of a README beside it, and gives its path.
 *
 * @param replaced what stands for something else when it runs, such as the server's address
 */
export function programOf(
  folder: string,
  ending: "ts" | "tsx",
  replaced: Record<string, string>,
): string {
  const text = readFileSync(join(folder, "README.md"), "utf8");
  const blocks = [...text.matchAll(/^```tsx?\n(.*?)^```/gms)].map(([, block]) => block ?? "");
  if (!blocks.length) throw new Error("the README has no code");
  return placed(folder, `program.${ending}`, blocks.join("\n"), replaced);
}

/**
 * Writes an example into a package, where what it imports is installed, and gives its path.
 *
 * @param name of its file in examples/
 */
export function exampleOf(
  folder: string,
  name: `${string}.tsx`,
  replaced: Record<string, string>,
): string {
  const text = readFileSync(join(import.meta.dirname, "../../examples", name), "utf8");
  for (const shown of Object.keys(replaced))
    if (!text.includes(shown)) throw new Error(`${name} has no ${shown}`);
  return placed(folder, name, text, replaced);
}

function placed(
  folder: string,
  name: string,
  program: string,
  replaced: Record<string, string>,
): string {
  for (const [shown, real] of Object.entries(replaced)) program = program.replaceAll(shown, real);
  const place = join(folder, ".readme");
  mkdirSync(place, { recursive: true });
  onTestFinished(() => rmSync(place, { recursive: true }));
  const path = join(place, name);
  writeFileSync(path, program);
  return path;
}
