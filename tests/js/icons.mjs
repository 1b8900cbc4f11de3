// Draws the app's icons anew: node icons.mjs CHROMIUM writes them into client/app/src/icons/.

import { mkdir, readFile, writeFile } from "node:fs/promises";

import { chromium } from "playwright-core";

const app = new URL("../../client/app/src/", import.meta.url);
const folder = new URL("icons/", app);
const svg = await readFile(new URL("icon.svg", app), "utf8");

/** An icon, as wide as this in px. One that is cut to whatever shape a device has fills it, with the drawing well within. */
const drawn = (size, isCut) => {
  const turned = svg.replaceAll("#0b6b5d", "white").replaceAll('"#fff"', '"#0b6b5d"');
  const place = `width:${size}px;height:${size}px;display:grid;place-items:center`;
  const within = (text, part) =>
    text.replace("<svg ", `<svg width="${Math.round(size * part)}" height="${Math.round(size * part)}" `);
  return isCut
    ? `<body style="margin:0;background:#0b6b5d"><div style="${place}">${within(turned, 0.58)}</div>`
    : `<body style="margin:0"><div style="${place}">${within(svg, 1)}</div>`;
};

await mkdir(folder, { recursive: true });
const browser = await chromium.launch({ executablePath: process.argv[2], args: ["--no-sandbox"] });
for (const [name, size, isCut] of [
  ["icon-192", 192, false],
  ["icon-512", 512, false],
  ["maskable-192", 192, true],
  ["maskable-512", 512, true],
]) {
  const page = await browser.newPage({ viewport: { width: size, height: size } });
  await page.setContent(drawn(size, isCut));
  await writeFile(new URL(`${name}.png`, folder), await page.screenshot({ omitBackground: !isCut }));
  await page.close();
}
await browser.close();
