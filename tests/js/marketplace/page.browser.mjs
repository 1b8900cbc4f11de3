// A page in a real browser, of another origin than the server's; run by tests/doors/marketplace/test_browser.py.

import assert from "node:assert/strict";
import test from "node:test";

import { chromium } from "playwright-core";

const { chromium: executablePath, page: address, foreign, url, jane, conversationId } = JSON.parse(
  process.env.MARKET_BROWSER,
);
const sockjs = `${url}/marketplace/ws`;

const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
test.after(() => browser.close());

/** A page of an origin, as somebody who has not been there before. */
async function open(t, origin, cookies = []) {
  const context = await browser.newContext();
  t.after(() => context.close());
  await context.addCookies(cookies);
  const page = await context.newPage();
  await page.goto(origin);
  return page;
}

const cookie = { name: "token", value: jane.token, url };
const trade = (page, options) =>
  page.evaluate((given) => trade(given), { url: sockjs, conversationId, ...options });

for (const transports of [undefined, ["websocket"], ["xhr-streaming"], ["eventsource"], ["xhr-polling"]]) {
  test(`A page trades over ${transports ?? "whatever sockjs-client chooses"}.`, async (t) => {
    const page = await open(t, address);
    const text = `50% off by ${transports} \u2028`;
    const { transport, user } = await trade(page, { token: jane.token, transports, text });
    assert.equal(transport, transports?.[0] ?? "websocket");
    assert.deepEqual([user.text, user.senderId], [text, jane.id]);
  });
}

test("A page of a listed origin has its user's cookie count, over any transport and in REST.", async (t) => {
  const page = await open(t, address, [cookie]);
  for (const transports of [["websocket"], ["xhr-polling"]]) {
    const { user } = await trade(page, { transports, text: `by cookie and ${transports}` });
    assert.equal(user.senderId, jane.id);
  }
  const asked = await page.evaluate((at) => ask(at), `${url}/marketplace/api/conversations`);
  assert.deepEqual([asked.status, asked.body.map(({ id }) => id)], [200, [conversationId]]);
});

test("A page of another origin is not let in, cookie or not.", async (t) => {
  const page = await open(t, foreign, [cookie]);
  for (const transports of [undefined, ["websocket"], ["xhr-streaming"], ["xhr-polling"]]) {
    const trading = trade(page, { token: jane.token, transports, text: "not this one" });
    await assert.rejects(trading, /closed/);
  }
  const asking = page.evaluate((at) => ask(at), `${url}/marketplace/api/conversations`);
  await assert.rejects(asking, /Failed to fetch/);
});
