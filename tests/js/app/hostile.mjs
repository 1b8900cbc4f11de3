// Texts that would like to be more than texts; run by tests/client/app/test_app.py.

import assert from "node:assert/strict";
import test from "node:test";

import { act, ask, becomes, enter, field, given, message, open, upload } from "./support.mjs";

const { texts, people } = given;

/** What a page has that no text of ours makes. */
const strange = (page) =>
  page.evaluate(() => ({
    elements: [...document.querySelectorAll("#root :is(script, iframe, object, embed, style, b > i > b, [onerror], [onload])")]
      .map(({ outerHTML }) => outerHTML),
    addresses: [...document.querySelectorAll("a[href]")]
      .map((link) => link.href)
      .filter((address) => !/^https?:/.test(address) || address.includes("@")),
    pictures: [...document.images].map(({ src }) => src).filter((src) => !/^(https:|http:\/\/127)/.test(src)),
  }));

const nothing = { elements: [], addresses: [], pictures: [] };

test("Texts stay texts wherever they are shown: in messages, quotes, names, titles, pins and the list.", async (t) => {
  const { conversation: group } = await ask("mallory", "group:create", {
    title: texts[3],
    description: texts[1],
    participantIds: [people.alice],
  });
  const { conversation: direct } = await ask("mallory", "chat:conversation_open", { recipientId: people.alice });
  for (const { id: conversationId } of [group, direct]) {
    let replyToMessageId;
    for (const content of texts) {
      const { message } = await ask("mallory", "chat:message_send", {
        conversationId,
        content,
        ...(replyToMessageId && { replyToMessageId }),
      });
      replyToMessageId = message.id;
    }
    await ask("mallory", "chat:message_pin", { messageId: replyToMessageId });
    await ask("mallory", "chat:message_send", {
      conversationId,
      content: "A picture",
      messageType: "image",
      metadata: { url: "javascript:alert(1)", width: -1, height: "9e99" },
    });
  }
  for (const text of texts) {
    const fileIds = [await upload("mallory", group.id, text.slice(0, 250), Buffer.from("<script>alert(1)</script>"), { type: "text/html" })];
    await ask("mallory", "chat:message_send", { conversationId: group.id, fileIds });
  }
  await ask("mallory", "group:announce", { conversationId: group.id, content: texts[0] });

  const alice = await open(t, "alice");
  await becomes(() => alice.getByRole("listitem").count(), 2);
  for (const title of [texts[3], given.name]) {
    await enter(alice, title);
    for (const text of texts.slice(-4)) await message(alice, text.replaceAll("`", "").trim().slice(0, 12));
    await alice.getByRole("button", { name: "Details" }).click();
    await alice.getByRole("complementary", { name: "Details" }).getByText("Pinned").waitFor();
    await act(alice, "A picture", "Reply");
    for (const text of texts) {
      await field(alice).fill(`@${text}`);
      await field(alice).fill(text);
    }
    assert.deepEqual(await strange(alice), nothing);
    await alice.getByRole("button", { name: "Close" }).click();
  }
});
