// A chat client. To run it: npm install socket.io-client && node client.mjs TOKEN [URL]
import { io } from "socket.io-client";

const [token = process.env.CHAT_TOKEN, url = process.env.CHAT_URL ?? "http://localhost:3001"] =
  process.argv.slice(2);
const socket = io(url, { auth: { token } });
const messages = new Map();

socket.on("connect_error", (error) => {
  console.error(`Not connected: ${error.message} (${error.data?.code ?? "trying again"})`);
  // The server refused an inactive socket; an active one tries again by itself.
  if (!socket.active) process.exit(1);
});
const ready = new Promise((resolve) => socket.once("session:ready", resolve));
socket.on("session:ready", ({ user }) => console.log(`Connected as ${user.displayName}`));
socket.on("chat:message_received", (message) => {
  // After a gap a message may come a second time.
  if (messages.has(message.id)) return;
  messages.set(message.id, message);
  console.log(`${message.sender_username}: ${message.content}`);
});

// What is not answered, or could not be done just now, is asked again, after a reconnection too.
async function ask(command, payload) {
  for (let attempt = 1; ; attempt++) {
    // Fails without an answer in 5 s, or when the connection is lost.
    const sent = socket.timeout(5000).emitWithAck(command, payload);
    const ack = await sent.catch((error) => ({ error }));
    if (ack.success) return ack;
    const { code = "no answer", retryable = true, retryAfter = 1 } = ack.error;
    if (!retryable || attempt === 10) throw new Error(`${command}: ${code}`, { cause: ack.error });
    await new Promise((resume) => setTimeout(resume, 1000 * retryAfter));
  }
}

// Bob greets Alice, and everybody else greets Bob.
const { user } = await ready;
const [recipientId, name] = user.userId === "bob" ? ["alice", "Alice"] : ["bob", "Bob"];
const { conversation } = await ask("chat:conversation_open", { recipientId });
await ask("chat:message_send", {
  conversationId: conversation.id,
  content: `Hello, ${name}!`,
  // The message's name, made once: sent again under it, it is no second message.
  clientMessageId: crypto.randomUUID(),
});
