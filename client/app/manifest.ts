// Builds the web manifest, by which browsers install the app, and its icons; node tests/js/icons.mjs draws those.

import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { parse } from "node:path";

import type { Plugin } from "vite";

const ICONS = new URL("src/icons/", import.meta.url);

/** Emits the manifest and the icons under names that tell what is in them, and has the page name them. */
export function manifest(): Plugin {
  const names = new Map<string, string>();
  return {
    name: "manifest",
    apply: "build",
    async buildStart() {
      const emit = (file: string, source: string | Uint8Array) => {
        const { name, ext } = parse(file);
        const hash = createHash("sha256").update(source).digest("base64url").slice(0, 8);
        const fileName = `assets/${name}-${hash}${ext}`;
        this.emitFile({ type: "asset", fileName, source });
        names.set(file, `/${fileName}`);
        return `/${fileName}`;
      };
      const icons = [];
      for (const [name, purpose] of [
        ["icon", "any"],
        ["maskable", "maskable"],
      ] as const) {
        for (const size of [192, 512]) {
          const file = `${name}-${size}.png`;
          const src = emit(file, await readFile(new URL(file, ICONS)));
          icons.push({ src, sizes: `${size}x${size}`, type: "image/png", purpose });
        }
      }
      const described = {
        id: "/",
        name: "Chat",
        short_name: "Chat",
        description: "Conversations and groups",
        start_url: "/",
        scope: "/",
        display: "standalone",
        // Until the page says itself which it has.
        theme_color: "#f1efe8",
        background_color: "#fbfaf7",
        icons,
      };
      emit("app.webmanifest", JSON.stringify(described));
    },
    transformIndexHtml: () =>
      [
        ["manifest", "app.webmanifest"],
        ["apple-touch-icon", "maskable-192.png"],
      ].map(([rel, file = ""]) => ({
        tag: "link",
        attrs: { rel, href: names.get(file) },
        injectTo: "head",
      })),
  };
}
