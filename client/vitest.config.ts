import { fileURLToPath } from "node:url";

import { defineConfig } from "vitest/config";

const source = (path: string) => fileURLToPath(new URL(`packages/${path}`, import.meta.url));

export default defineConfig({
  resolve: {
    // The sources, so that tests need no build.
    alias: [
      { find: /^@chatserver\/client$/, replacement: source("client/src/index.ts") },
      { find: /^@chatserver\/zustand$/, replacement: source("zustand/src/index.ts") },
      { find: /^@chatserver\/zustand\/react$/, replacement: source("zustand/src/react.ts") },
    ],
  },
  test: {
    include: ["packages/*/tests/**/*.test.{ts,tsx}", "app/tests/*.test.{ts,tsx}"],
    maxWorkers: 2,
    // Long enough for a busy machine; nothing waits this long unless it fails.
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
