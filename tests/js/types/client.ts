// What the types of client/packages/client/src/events.ts accept and refuse; compiled by tests/reference/test_types.py, and not run.
import { io, type Socket } from "socket.io-client";
import type {
  Ack,
  Auth,
  ClientToServerEvents,
  Conversation,
  ErrorCode,
  Message,
  Offset,
  ServerToClientEvents,
} from "../../../client/packages/client/src/events.js";

type ChatSocket = Socket<ServerToClientEvents, ClientToServerEvents>;

const auth: Auth = { token: "a JWT", positions: { epoch: "e", me: 3, "a conversation's id": 7 } };
const socket: ChatSocket = io("http://localhost:3001", { auth });

class Refused extends Error {
  constructor(
    readonly code: ErrorCode,
    readonly retryAfter: number | undefined,
  ) {
    super(code);
  }
}

function done<Given>(ack: Ack<Given>): Given {
  if (ack.success) return ack;
  throw new Refused(ack.error.code, ack.error.retryAfter);
}

export async function hello(recipientId: string): Promise<Message> {
  const opened = done(await socket.emitWithAck("chat:conversation_open", { recipientId }));
  const conversation: Conversation = opened.conversation;
  const sent = done(
    await socket.emitWithAck("chat:message_send", {
      conversationId: conversation.id,
      content: "Hello",
      replyToMessageId: null,
      metadata: { colour: "blue", size: [1, 2] },
    }),
  );
  const duplicate: boolean = sent.duplicate;
  console.log(duplicate, conversation.my_role === "owner", conversation.product?.title);
  return sent.message;
}

export async function withoutAPayload(): Promise<number> {
  socket.emit("presence:online", (ack) => ack.success && ack.users.map((user) => user.displayName));
  const { timestamp } = done(await socket.timeout(1000).emitWithAck("system:ping"));
  const page = done(await socket.emitWithAck("chat:conversation_list"));
  const { events } = done(
    await socket.emitWithAck("chat:sync", { conversationId: page.conversations[0]!.id, afterSeq: 0 }),
  );
  for (const { event, data } of events) {
    if (event === "chat:message_received") console.log(data.content);
    if (event === "chat:reaction_added") console.log(data.reaction.reaction);
  }
  return timestamp;
}

socket.on("session:ready", ({ user, limits }, offset?: Offset) => {
  console.log(user.displayName, limits.messagesPerMinute, offset);
});
socket.on("chat:message_received", (message) => {
  const status: "sent" | "delivered" | "read" = message.status;
  console.log(status, message.conversationId, message.reactions[0]?.user_id);
});
socket.on("chat:message_deleted", (deleted) => {
  if (deleted.deleteForEveryone) console.log(deleted.seq, deleted.deletedBy);
  else console.log(deleted.personalSeq);
});
socket.on("group:member_added", ({ user, role, conversation }) => {
  console.log(user.username, role, conversation?.member_count);
});
socket.on("error", ({ code, fields }) => console.log(code === "VALIDATION_ERROR" && fields));

// What is wrong is found when it is written. (Each of these lines would be an error without the line before it.)

// @ts-expect-error: no such command
socket.emit("chat:message_sent", {}, () => {});
// @ts-expect-error: no such push
socket.on("chat:message", () => {});
// @ts-expect-error: a field is missing
socket.emit("chat:typing", { conversationId: "1" }, () => {});
// @ts-expect-error: a field that there is not
socket.emit("chat:typing", { conversationId: "1", isTyping: true, colour: "blue" }, () => {});
// @ts-expect-error: a field of another type
socket.emit("chat:history", { conversationId: "1", limit: "20" }, () => {});
// @ts-expect-error: a word that there is not
socket.emit("chat:message_send", { recipientId: "bob", content: "x", messageType: "system" }, () => {});
// @ts-expect-error: an answer that nobody looks at
socket.emit("user:block", { userId: "bob" });
// @ts-expect-error: the answer may be a refusal
socket.emit("system:ping", (ack) => ack.timestamp);
// @ts-expect-error: a message without its text has null
socket.on("chat:message_received", (message) => message.content.length);
// @ts-expect-error: a push has no such field
socket.on("chat:user_typing", (typing) => typing.is_typing);
