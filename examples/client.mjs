// A chat client. To run it: npm install socket.io-client && node client.mjs TOKEN [URL]
import { io } from "socket.io-client";

const [token = process.env.CHAT_TOKEN, url = process.env.CHAT_URL ?? "http://localhost:3001"] =
  process.argv.slice(2);
// What is not answered in time is sent again, after a reconnection too.
const socket = io(url, { auth: { token }, retries: 3, ackTimeout: 5000 });
const messages = new Map();

socket.on("connect_error", (error) => {
  console.error(`Not connected: ${error.message} (${error.data?.code ?? "trying again"})`);
  // The server refused an inactive socket; an active one tries again by itself.
  if (!socket.active) process.exit(1);
});
socket.on("session:ready", ({ user }) => console.log(`Connected as ${user.displayName}`));
socket.on("chat:message_received", (message) => {
  // After a gap a message may come a second time.
  if (messages.has(message.id)) return;
  messages.set(message.id, message);
  console.log(`${message.sender_username}: ${message.content}`);
});

async function ask(command, payload) {
  const ack = await socket.emitWithAck(command, payload);
  if (!ack.success) throw new Error(`${command}: ${ack.error.code}, ${ack.error.message}`);
  return ack;
}

const { conversation } = await ask("chat:conversation_open", { recipientId: "bob" });
await ask("chat:message_send", {
  conversationId: conversation.id,
  content: "Hello, Bob!",
  // The message's name: sent again under it, it is no second message.
  clientMessageId: crypto.randomUUID(),
});
