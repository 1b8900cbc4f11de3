// Opens the app in Chromium, scrolls through a conversation, and prints what it found; run by benchmarks/app.py.

import { createRequire } from "node:module";

const given = JSON.parse(process.argv[2]);
const { chromium } = createRequire(given.require)("playwright-core");

/** How far a frame scrolls, in px, and for how long, in ms. */
const STEP = 120;
const WINDOW = 10_000;
const PUSHES = 100;

const browser = await chromium.launch({ executablePath: given.chromium, args: ["--no-sandbox"] });
const page = await browser.newPage({ viewport: { width: 1200, height: 760 } });
page.setDefaultTimeout(60_000);
await page.goto(given.url);
await page.getByText("Sign in with a token").click();
await page.getByRole("textbox", { name: "Token" }).fill(given.reader);
await page.getByRole("button", { name: "Sign in", exact: true }).click();
await page.getByRole("listitem", { name: /^Bob/ }).click();
const log = page.getByRole("log");
await log.getByRole("article").first().waitFor();

/** Whether all of the conversation is loaded: its articles say how many there are once it is. */
const isWhole = () => log.getByRole("article").first().getAttribute("aria-setsize");
for (let tries = 0; Number(await isWhole()) < given.messages; tries += 1) {
  if (tries > 300) throw new Error("the conversation was not loaded whole");
  await log.evaluate((element) => element.scrollTo(0, 0));
  await page.waitForTimeout(20);
}

const scrolled = await log.evaluate(
  async (element, [step, length]) => {
    const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
    element.scrollTo(0, 0);
    for (let frames = 0; frames < 30; frames += 1) await frame();
    const times = [];
    const began = performance.now();
    for (let last = began; last - began < length; ) {
      element.scrollTop += step;
      const now = await frame();
      times.push(now - last);
      last = now;
    }
    times.shift();
    times.sort((one, other) => one - other);
    const sum = times.reduce((total, time) => total + time, 0);
    return {
      frames_per_second: (1_000 * times.length) / sum,
      frame_ms_p50: times[Math.floor(times.length / 2)],
      frame_ms_p99: times[Math.floor(times.length * 0.99)],
    };
  },
  [STEP, WINDOW],
);

const session = await page.context().newCDPSession(page);
await session.send("Performance.enable");
const busy = async () => {
  const { metrics } = await session.send("Performance.getMetrics");
  return 1_000 * metrics.find(({ name }) => name === "TaskDuration").value;
};
const send = (content) =>
  fetch(`${given.url}/api/commands/chat:message_send`, {
    method: "POST",
    headers: { Authorization: `Bearer ${given.writer}`, "Content-Type": "application/json" },
    body: JSON.stringify({ conversationId: given.conversation, content }),
  });
await log.evaluate((element) => element.scrollTo(0, element.scrollHeight));
await page.keyboard.press("Escape");
await send("the first");
await page.getByRole("article").getByText("the first").waitFor();
const before = await busy();
for (let number = 1; number <= PUSHES; number += 1) {
  const answered = await send(`push ${number}.`);
  if (!answered.ok) throw new Error(`the server answered ${answered.status}`);
}
await page.getByRole("listitem", { name: /^Bob/ }).getByText(`push ${PUSHES}.`).waitFor();
const push_ms = ((await busy()) - before) / PUSHES;
console.log(JSON.stringify({ messages: given.messages, ...scrolled, push_ms }));
await browser.close();
