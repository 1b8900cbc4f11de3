import { fileURLToPath } from "node:url";

import { defineConfig } from "vite";

import { manifest } from "./manifest.js";
import { serviceWorker } from "./serviceWorker.js";

const path = (to: string) => fileURLToPath(new URL(to, import.meta.url));

export default defineConfig({
  root: path("."),
  plugins: [manifest(), serviceWorker()],
  resolve: {
    // The sources, so that the app needs no build of theirs.
    alias: [
      { find: /^@chatserver\/client$/, replacement: path("../packages/client/src/index.ts") },
      { find: /^@chatserver\/zustand$/, replacement: path("../packages/zustand/src/index.ts") },
      {
        find: /^@chatserver\/zustand\/react$/,
        replacement: path("../packages/zustand/src/react.ts"),
      },
    ],
    dedupe: ["react", "react-dom", "zustand"],
  },
  build: {
    outDir: path("../../chatserver/static"),
    emptyOutDir: true,
    target: "es2022",
    // The server's CSP lets no data: through but pictures, and no inline script.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      onLog(level, log, handle) {
        // "use client" says nothing here: all of it is.
        if (log.code !== "MODULE_LEVEL_DIRECTIVE") handle(level, log);
      },
    },
  },
});
