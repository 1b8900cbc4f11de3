// Two people chat, each with the stock client.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import test from "node:test";

import { Decoder, Encoder } from "socket.io-parser";

import { assertFields, Device, ISO_TIME, open, people, soon, UUID7 } from "./support.mjs";

const MESSAGE =
  "id conversation_id seq sender_id sender_username recipient_id content content_encrypted message_type " +
  "client_message_id reply_to_message_id mentions reactions metadata is_announcement is_pinned is_edited " +
  "is_deleted created_at edited_at updated_seq files status";
const CONVERSATION =
  "id type title description product created_by max_members member_count is_active settings created_at " +
  "last_message_at last_seq";
const OF_MINE = "last_message either_follows unread_count is_blocked blocked_by_me my_role my_settings participants";
const PARTICIPANT =
  "user_id username display_name avatar_url role joined_at delivered_seq read_seq";

/** Alice and Bob, a device of each, and their conversation. */
async function two(t, options) {
  const [alice, bob] = people(2);
  const a = await Device.connect(t, alice, options);
  const b = await Device.connect(t, bob, options);
  const conversation = await open(a, bob);
  return { alice, bob, a, b, conversation, conversationId: conversation.id };
}

test("A conversation is opened once, whoever opens it, and both are told.", async (t) => {
  const { alice, bob, a, b, conversation } = await two(t);
  assertFields(conversation, `${CONVERSATION} ${OF_MINE}`);
  assert.match(conversation.id, UUID7);
  assert.equal(conversation.type, "direct");
  assert.equal(conversation.my_role, "member");
  assert.equal(conversation.product, null);
  for (const participant of conversation.participants) assertFields(participant, PARTICIPANT);
  assert.deepEqual(
    conversation.participants.map((participant) => participant.user_id).sort(),
    [alice.id, bob.id].sort(),
  );
  for (const device of [a, b]) {
    const created = await device.expect("chat:conversation_created");
    assertFields(created, "conversationId seq conversation by");
    assertFields(created.conversation, CONVERSATION);
    assert.deepEqual(
      [created.conversationId, created.seq, created.by],
      [conversation.id, 1, alice.id],
    );
  }
  assert.equal((await open(b, alice)).id, conversation.id);
});

test("A message comes to both devices of both people, as its ack shows it.", async (t) => {
  const { alice, bob, a, b, conversationId } = await two(t);
  const devices = [a, b, await Device.connect(t, alice), await Device.connect(t, bob)];
  const ack = await a.do("chat:message_send", { conversationId, content: "Hello!" });
  assertFields(ack, "success messageId message duplicate");
  assert.equal(ack.duplicate, false);
  assertFields(ack.message, MESSAGE);
  assert.match(ack.messageId, UUID7);
  assert.match(ack.message.created_at, ISO_TIME);
  assert.deepEqual(ack.message, {
    id: ack.messageId,
    conversation_id: conversationId,
    seq: 2,
    sender_id: alice.id,
    sender_username: alice.username,
    recipient_id: bob.id,
    content: "Hello!",
    content_encrypted: null,
    message_type: "text",
    client_message_id: null,
    reply_to_message_id: null,
    mentions: [],
    reactions: [],
    metadata: {},
    is_announcement: false,
    is_pinned: false,
    is_edited: false,
    is_deleted: false,
    created_at: ack.message.created_at,
    edited_at: null,
    files: [],
    updated_seq: 2,
    status: "sent",
  });
  for (const device of devices) {
    // A push carries the id of its conversation in the envelope's casing too.
    assert.deepEqual(await device.expect("chat:message_received"), {
      ...ack.message,
      conversationId,
    });
  }
});

test("A message to a person opens the conversation, and goes to it the next time.", async (t) => {
  const [alice, bob] = people(2);
  const a = await Device.connect(t, alice);
  const b = await Device.connect(t, bob);
  const first = await a.do("chat:message_send", { recipientId: bob.id, content: "one" });
  const second = await a.do("chat:message_send", { recipientId: bob.id, content: "two" });
  assert.equal(first.message.conversation_id, second.message.conversation_id);
  await b.expect("chat:conversation_created");
  for (const content of ["one", "two"]) {
    assert.equal((await b.expect("chat:message_received")).content, content);
  }
});

test("An end-to-end encrypted message passes through opaque and has no content.", async (t) => {
  const { a, b, conversationId } = await two(t);
  const contentEncrypted = "eyJhbGciOiJBMjU2R0NNIn0..opaque==";
  const { message } = await a.do("chat:message_send", { conversationId, contentEncrypted });
  assert.deepEqual([message.content, message.content_encrypted], [null, contentEncrypted]);
  const received = await b.expect("chat:message_received");
  assert.deepEqual([received.content, received.content_encrypted], [null, contentEncrypted]);
});

test("A reply names what it answers, and metadata and type arrive as they were sent.", async (t) => {
  const { a, b, conversationId } = await two(t);
  const question = await a.do("chat:message_send", { conversationId, content: "Which one?" });
  const metadata = { url: "https://example.com/1.png", size: { width: 640, height: 480 }, tags: ["é", null] };
  await b.do("chat:message_send", {
    conversationId,
    content: "This one.",
    messageType: "image",
    metadata,
    replyToMessageId: question.messageId,
  });
  const answer = await a.expect("chat:message_received", ({ content }) => content === "This one.");
  assert.equal(answer.reply_to_message_id, question.messageId);
  assert.equal(answer.message_type, "image");
  assert.deepEqual(answer.metadata, metadata);
  const error = await b.refused("chat:message_send", {
    conversationId,
    content: "To what?",
    replyToMessageId: randomUUID(),
  });
  assert.equal(error.code, "RESOURCE_NOT_FOUND");
});

test("Text of every script comes back as it was written, by push and from history.", async (t) => {
  const { a, b, conversationId } = await two(t);
  const texts = [
    "👋🏽 👩‍👩‍👧‍👦 🏳️‍🌈 🇨🇭", // skin tone, ZWJ sequences, flags
    "שלום, عالم — \u202Bright to left\u202C", // right to left, with marks of direction
    "𝒞𝒽𝒶𝓉 𠜎𠜱 𓀀", // outside the Basic Multilingual Plane
    "e\u0301 and \u00e9", // composed and decomposed, which look alike and are not
    '  "quotes" \\ <b>&amp;</b> \u2028 \u0007 \t\n ', // what encoders trip over, blanks around it
    "ܐ".repeat(10_000), // as long as may be, two bytes each
  ];
  for (const content of texts) {
    const { message } = await a.do("chat:message_send", { conversationId, content });
    assert.equal(message.content, content);
    assert.equal((await b.expect("chat:message_received")).content, content);
  }
  const { messages } = await b.do("chat:history", { conversationId });
  assert.deepEqual(
    messages.map((message) => message.content),
    texts,
  );
});

test("10,000 characters outside the BMP are 10,000 characters, and one more is too many.", async (t) => {
  const { a, conversationId } = await two(t);
  await a.do("chat:message_send", { conversationId, content: "😀".repeat(10_000) });
  const content = "😀".repeat(10_001);
  const error = await a.refused("chat:message_send", { conversationId, content });
  assert.equal(error.code, "VALIDATION_ERROR");
  assert.deepEqual(Object.keys(error.fields), ["content"]);
});

test("An ack comes to a callback as it does to emitWithAck, with a timeout or without.", async (t) => {
  const { a } = await two(t);
  const plain = new Promise((resolve) => a.socket.emit("system:ping", {}, resolve));
  const timed = new Promise((resolve) =>
    a.socket.timeout(5000).emit("system:ping", {}, (error, ack) => resolve({ error, ack })),
  );
  assert.equal((await soon(plain, "the ack")).success, true);
  const { error, ack } = await soon(timed, "the ack");
  assert.equal(error, null);
  assert.equal(typeof ack.timestamp, "number");
  // A command without fields may come without a payload.
  const bare = await soon(a.socket.timeout(5000).emitWithAck("system:ping"), "the ack");
  assert.equal(bare.success, true);
});

test("A client that retries by itself gets the ack of what it sends, in order.", async (t) => {
  const { a, b, conversationId } = await two(t, { retries: 3, ackTimeout: 5000 });
  const sent = ["one", "two", "three"].map((content) =>
    a.do("chat:message_send", { conversationId, content, clientMessageId: randomUUID() }),
  );
  const acks = await Promise.all(sent);
  assert.deepEqual(
    acks.map((ack) => [ack.message.content, ack.duplicate]),
    [["one", false], ["two", false], ["three", false]],
  );
  for (const content of ["one", "two", "three"]) {
    assert.equal((await b.expect("chat:message_received")).content, content);
  }
});

test("A message whose ack was lost is retried with its clientMessageId, and exists once.", async (t) => {
  const lost = [];
  // The network takes the first two acks of the message; `parser` is an option of the stock client.
  class LossyDecoder extends Decoder {
    add(packet) {
      const isSend = typeof packet === "string" && packet.startsWith("3") && packet.includes("messageId");
      if (isSend && lost.length < 2) lost.push(packet);
      else super.add(packet);
    }
  }
  const parser = { Encoder, Decoder: LossyDecoder };
  const { a, b, conversationId } = await two(t, { retries: 10, ackTimeout: 250, parser });
  const clientMessageId = randomUUID();
  const payload = { conversationId, content: "Only once", clientMessageId };
  const ack = await a.do("chat:message_send", payload);
  assert.equal(lost.length, 2);
  assert.equal(ack.duplicate, true);
  assert.equal(ack.message.client_message_id, clientMessageId);
  assert.ok(lost.every((packet) => packet.includes(ack.messageId)));
  for (const device of [a, b]) {
    await device.settled();
    assert.deepEqual(
      device.seen("chat:message_received").map((message) => message.id),
      [ack.messageId],
    );
  }
  assert.equal((await b.do("chat:history", { conversationId })).total, 1);
});

test("A receipt tells the sender who received or read what, and the message's status follows.", async (t) => {
  const { bob, a, b, conversationId } = await two(t);
  const one = await a.do("chat:message_send", { conversationId, content: "one" });
  const other = await a.do("chat:message_send", { conversationId, content: "two" });
  const delivered = await b.do("chat:message_delivered", {
    messageIds: [one.messageId, other.messageId],
  });
  assert.deepEqual(delivered, { success: true, updatedCount: 2 });
  for (const { messageId } of [one, other]) {
    // Clients of the guide look at messageId alone.
    const pushed = await a.expect("chat:message_status_updated");
    assert.match(pushed.timestamp, ISO_TIME);
    assert.deepEqual(pushed, {
      conversationId,
      upToSeq: other.message.seq,
      messageIds: [messageId],
      messageId,
      status: "delivered",
      userId: bob.id,
      deliveredBy: bob.id,
      timestamp: pushed.timestamp,
    });
  }

  const read = await b.do("chat:message_read", { messageId: one.messageId });
  assert.deepEqual(read, { success: true, updatedCount: 1 });
  const readPush = await a.expect("chat:message_status_updated");
  assert.deepEqual(readPush, {
    conversationId,
    upToSeq: one.message.seq,
    messageIds: [one.messageId],
    messageId: one.messageId,
    status: "read",
    userId: bob.id,
    readBy: bob.id,
    timestamp: readPush.timestamp,
  });

  const { messages } = await a.do("chat:history", { conversationId });
  assert.deepEqual(
    messages.map((message) => message.status),
    ["read", "delivered"],
  );
  const again = await b.do("chat:message_read", { conversationId, upToSeq: other.message.seq });
  assert.equal(again.updatedCount, 1);
  assert.equal((await a.expect("chat:message_status_updated")).upToSeq, other.message.seq);
});

test("Typing is shown to the other person alone, and ends by itself.", async (t) => {
  const { alice, a, b, conversationId } = await two(t);
  await a.do("chat:typing", { conversationId, isTyping: true });
  const typing = await b.expect("chat:user_typing");
  assert.match(typing.timestamp, ISO_TIME);
  assert.deepEqual(typing, {
    conversationId,
    userId: alice.id,
    username: alice.username,
    isTyping: true,
    timestamp: typing.timestamp,
  });
  const expired = await b.expect("chat:user_typing");
  assert.deepEqual(expired, { ...typing, isTyping: false, timestamp: expired.timestamp });
  await a.settled();
  assert.deepEqual(a.seen("chat:user_typing"), []);
});

test("Somebody who stops typing is shown to have stopped at once, and once.", async (t) => {
  const { a, b, conversationId } = await two(t);
  for (const isTyping of [true, false]) await a.do("chat:typing", { conversationId, isTyping });
  await b.settled();
  assert.deepEqual(
    b.seen("chat:user_typing").map((typing) => typing.isTyping),
    [true, false],
  );
});

test("History comes in pages, newest page first, oldest message first.", async (t) => {
  const { a, b, conversationId } = await two(t);
  for (const content of ["1", "2", "3", "4", "5"]) {
    await a.do("chat:message_send", { conversationId, content });
  }
  const texts = ({ messages }) => messages.map((message) => message.content).join("");
  const last = await b.do("chat:history", { conversationId, limit: 2 });
  assertFields(last, "success messages pagination total");
  for (const message of last.messages) assertFields(message, MESSAGE);
  assert.equal(texts(last), "45");
  assert.equal(last.total, 5);
  const { nextBeforeSeq: beforeSeq } = last.pagination;
  assert.deepEqual(last.pagination, {
    limit: 2,
    offset: 0,
    hasMore: true,
    nextBeforeSeq: last.messages[0].seq,
  });
  assert.equal(texts(await b.do("chat:history", { conversationId, limit: 2, beforeSeq })), "23");
  assert.equal(texts(await b.do("chat:history", { conversationId, limit: 2, offset: 4 })), "1");
  const first = await b.do("chat:history", { conversationId, afterSeq: 0, limit: 5 });
  assert.equal(texts(first), "12345");
  assert.equal(first.pagination.hasMore, false);
  assert.equal((await b.refused("chat:history", { conversationId, limit: 201 })).code, "VALIDATION_ERROR");
});

test("Sync gives everything after a seq as it was pushed.", async (t) => {
  const { a, b, conversationId } = await two(t);
  await a.do("chat:message_send", { conversationId, content: "one" });
  await b.do("chat:message_send", { conversationId, content: "two" });
  const pushed = [
    { event: "chat:conversation_created", data: await b.expect("chat:conversation_created") },
    { event: "chat:message_received", data: await b.expect("chat:message_received") },
    { event: "chat:message_received", data: await b.expect("chat:message_received") },
  ];
  const synced = await b.do("chat:sync", { conversationId, afterSeq: 0 });
  assertFields(synced, "success events hasMore limited");
  assert.deepEqual([synced.hasMore, synced.limited], [false, false]);
  assert.deepEqual(
    synced.events.map(({ event, data }) => [event, data.conversationId, data.seq]),
    [1, 2, 3].map((seq) => [pushed[seq - 1].event, conversationId, seq]),
  );
  assert.deepEqual(synced.events.slice(1), pushed.slice(1));
  const page = await b.do("chat:sync", { conversationId, afterSeq: 1, limit: 1 });
  assert.deepEqual(page.events, [pushed[1]]);
  assert.equal(page.hasMore, true);
});

test("The list of conversations has the latest first, with its last message and unread count.", async (t) => {
  const [carol] = people(1);
  const { bob, a, b, conversation } = await two(t);
  const other = await open(a, carol);
  await a.do("chat:message_send", { conversationId: other.id, content: "To Carol" });
  const { message } = await b.do("chat:message_send", {
    conversationId: conversation.id,
    content: "To Alice",
  });
  const listed = await a.do("chat:conversation_list");
  assertFields(listed, "success conversations total pagination offset");
  assert.equal(listed.total, 2);
  assert.deepEqual(listed.pagination, { limit: 50, offset: 0, hasMore: false, nextCursor: null });
  const [latest, earlier] = listed.conversations;
  assertFields(latest, `${CONVERSATION} ${OF_MINE}`);
  assert.deepEqual([latest.id, earlier.id], [conversation.id, other.id]);
  assert.deepEqual(latest.last_message, message);
  assert.equal(latest.last_message.sender_id, bob.id);
  assert.deepEqual([latest.unread_count, earlier.unread_count], [1, 0]);
  const { conversations } = await a.do("chat:conversation_list", { limit: 1, offset: 1 });
  assert.deepEqual(conversations, [earlier]);
  const { pagination } = await a.do("chat:conversation_list", { limit: 1 });
  const next = await a.do("chat:conversation_list", { limit: 1, cursor: pagination.nextCursor });
  assert.deepEqual(next.conversations, [earlier]);
});

test("Two people have one conversation per product, and each keeps its own messages.", async (t) => {
  const { bob, a, b, conversation } = await two(t);
  const bicycle = await open(a, bob, "bicycle");
  const lamp = await open(a, bob, "lamp");
  assert.equal(new Set([conversation.id, bicycle.id, lamp.id]).size, 3);
  assert.deepEqual([bicycle.product.id, lamp.product.id], ["bicycle", "lamp"]);
  assert.equal((await open(a, bob, "bicycle")).id, bicycle.id);
  await b.do("chat:message_send", { conversationId: lamp.id, content: "Still for sale?" });
  const received = await a.expect("chat:message_received");
  assert.equal(received.conversationId, lamp.id);
  assert.equal((await a.do("chat:history", { conversationId: bicycle.id })).total, 0);
});

test("A hundred messages sent without waiting are stored, acked and received in order.", async (t) => {
  const { a, b, conversationId } = await two(t);
  const contents = Array.from({ length: 100 }, (_, number) => `${number}`);
  const acks = await Promise.all(
    contents.map((content) => a.do("chat:message_send", { conversationId, content })),
  );
  assert.deepEqual(
    acks.map((ack) => ack.message.seq),
    contents.map((_, number) => number + 2),
  );
  await b.settled();
  assert.deepEqual(
    b.seen("chat:message_received").map((message) => message.content),
    contents,
  );
  const { messages } = await b.do("chat:history", { conversationId, limit: 200 });
  assert.deepEqual(
    messages.map((message) => message.content),
    contents,
  );
});

test("A command that does not exist is acked as UNKNOWN_COMMAND.", async (t) => {
  const [alice] = people(1);
  const a = await Device.connect(t, alice);
  for (const name of ["chat:nonsense", "constructor", "message", "__proto__", ""]) {
    const error = await a.refused(name, {});
    assert.equal(error.code, "UNKNOWN_COMMAND");
    assert.equal(error.retryable, false);
  }
});

test("A payload that is wrong is acked with a reason per field.", async (t) => {
  const { alice, a, conversationId } = await two(t);
  const wrong = [
    [{ conversationId, content: "" }, "content"],
    [{ conversationId, content: " \n" }, "content"],
    [{ conversationId, content: "a\0b" }, "content"],
    [{ conversationId, content: "\ud83d" }, "content"],
    [{ conversationId: "1", content: "Hi" }, "conversationId"],
    [{ recipientId: alice.id, content: "Hi" }, "recipientId"],
    [{ conversationId, content: "Hi", messageType: "system" }, "messageType"],
    [{ conversationId, content: "Hi", clientMessageId: 7 }, "clientMessageId"],
  ];
  for (const [payload, field] of wrong) {
    const error = await a.refused("chat:message_send", payload);
    assert.equal(error.code, "VALIDATION_ERROR");
    assert.deepEqual(Object.keys(error.fields), [field], JSON.stringify(error));
    assert.equal(typeof error.fields[field][0], "string");
  }
  for (const payload of [null, "text", 1, ["list"], Buffer.from("binary"), { content: Buffer.from("binary") }]) {
    assert.equal((await a.refused("chat:message_send", payload)).code, "VALIDATION_ERROR");
  }
  await a.settled();
});

test("A failure that nobody waits for is pushed as an error, and a success is not.", async (t) => {
  const { a, b, conversationId } = await two(t);
  const content = "Said in passing";
  a.socket.emit("chat:message_send", { conversationId, content });
  assert.equal((await b.expect("chat:message_received")).content, content);
  a.socket.emit("chat:message_send", { conversationId: randomUUID(), content });
  const error = await a.expect("error");
  assert.equal(error.code, "RESOURCE_NOT_FOUND");
  assert.equal(error.retryable, false);
  assert.equal(typeof error.message, "string");
  a.socket.emit("chat:nonsense");
  assert.equal((await a.expect("error")).code, "UNKNOWN_COMMAND");
  await a.settled();
  assert.deepEqual(a.seen("error"), []);
});

test("A conversation of others is not there for a third person.", async (t) => {
  const { a, conversationId } = await two(t);
  const { messageId } = await a.do("chat:message_send", { conversationId, content: "Between us" });
  const [carol] = people(1);
  const c = await Device.connect(t, carol);
  const asked = [
    ["chat:message_send", { conversationId, content: "Me too" }],
    ["chat:history", { conversationId }],
    ["chat:sync", { conversationId, afterSeq: 0 }],
    ["chat:conversation_get", { conversationId }],
    ["chat:typing", { conversationId, isTyping: true }],
    ["chat:message_read", { messageId }],
  ];
  for (const [command, payload] of asked) {
    assert.equal((await c.refused(command, payload)).code, "RESOURCE_NOT_FOUND", command);
  }
  assert.equal((await c.do("chat:conversation_list")).total, 0);
  await c.settled();
  assert.deepEqual(c.seen("chat:message_received"), []);
});
