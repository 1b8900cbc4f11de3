// The Socket.IO door.
import { createAdapter } from '@socket.io/redis-adapter';
import { Redis } from 'ioredis';
import { Server } from 'socket.io';
import { authenticateForRooms } from './auth.js';
import { config } from './config.js';
import { errorBody } from './errors.js';
import { messageInput, pageInput } from './input.js';
import { history, post } from './messages.js';

const room = (id) => `conversation:${id}`;

export function createSockets(httpServer) {
  const io = new Server(httpServer, { perMessageDeflate: false, serveClient: false });
  if (config.redisUrl) {
    const publisher = new Redis(config.redisUrl);
    io.adapter(createAdapter(publisher, publisher.duplicate()));
  }
  // Socket.IO's advice on memory: the request of the handshake need not be kept.
  io.engine.on('connection', (raw) => {
    raw.request = null;
  });
  io.use(async (socket, next) => {
    try {
      socket.data.user = await authenticateForRooms(socket.handshake.auth.token);
      next();
    } catch (error) {
      const refusal = new Error(error.message);
      refusal.data = errorBody(error);
      next(refusal);
    }
  });
  io.on('connection', (socket) => welcome(io, socket));
  return io;
}

/** Hands a committed message on to everybody in its conversation, the sender's devices included. */
export function deliver(io, { message, duplicate }) {
  if (!duplicate) io.to(room(message.conversation_id)).emit('chat:message_received', message);
}

function welcome(io, socket) {
  const { conversations, ...user } = socket.data.user;
  socket.data.user = user;
  socket.join(conversations.map(room));

  answering(socket, 'chat:message_send', async (data) => {
    const sent = await post(user, messageInput(data));
    deliver(io, sent);
    return { messageId: sent.message.id, message: sent.message, duplicate: sent.duplicate };
  });
  answering(socket, 'chat:history', (data) => history(user, pageInput(data)));

  socket.on('chat:typing', (data, ack) => {
    const id = data?.conversationId;
    // Who is in the room is a member: no query for what is not stored.
    if (typeof id !== 'string' || !socket.rooms.has(room(id))) {
      ack?.({ success: false, error: { code: 'RESOURCE_NOT_FOUND', message: 'There is no such conversation.' } });
      return;
    }
    socket.to(room(id)).emit('chat:user_typing', {
      conversationId: id,
      userId: user.id,
      username: user.username,
      isTyping: data.isTyping === true,
      timestamp: new Date().toISOString(),
    });
    ack?.({ success: true });
  });

  socket.emit('session:ready', {
    user: { userId: user.id, username: user.username, displayName: user.display_name },
    connectionId: socket.id,
    serverTime: new Date().toISOString(),
  });
}

/** Answers an event with what `work` gives, or with why it failed. */
function answering(socket, name, work) {
  socket.on(name, async (data, ack) => {
    if (typeof ack !== 'function') ack = () => {};
    try {
      ack({ success: true, ...(await work(data)) });
    } catch (error) {
      ack({ success: false, error: errorBody(error) });
    }
  });
}
