// Builds the service worker beside the app: it keeps the files of that build, so it is made once they are there.

import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";

import { build, type Plugin } from "vite";

const source = fileURLToPath(new URL("worker/sw.ts", import.meta.url));

/** Writes `sw.js`, which knows every file of the build by its name. */
export function serviceWorker(): Plugin {
  return {
    name: "service-worker",
    apply: "build",
    async writeBundle({ dir }, bundle) {
      const files = Object.values(bundle);
      const page = files.find(({ fileName }) => fileName === "index.html");
      const entry = files.find((file) => file.type === "chunk" && file.isEntry);
      if (page?.type !== "asset" || !entry || dir === undefined)
        throw new Error("the build has no page");
      const names = files.map(({ fileName }) => fileName).filter((name) => name !== "index.html");
      const version = createHash("sha256").update(page.source).update(names.sort().join("\n"));
      const shell = {
        version: version.digest("hex").slice(0, 16),
        entry: entry.fileName,
        files: names.map((name) => `/${name}`),
      };
      await build({
        configFile: false,
        root: fileURLToPath(new URL(".", import.meta.url)),
        logLevel: "warn",
        define: { SHELL: JSON.stringify(shell) },
        build: {
          outDir: dir,
          emptyOutDir: false,
          target: "es2022",
          rolldownOptions: { input: source, output: { entryFileNames: "sw.js", format: "iife" } },
        },
      });
    },
  };
}
