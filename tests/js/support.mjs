// People and their devices, given by tests/doors/socketio/test_javascript.py, and waiting for what must happen.

import assert from "node:assert/strict";

import { io } from "socket.io-client";

export const url = process.env.CHAT_URL;

// Long enough for a busy CI machine; nothing waits this long unless it fails.
const PATIENCE = 10_000;

const everybody = JSON.parse(process.env.CHAT_PEOPLE ?? "[]");

/** As many people, {id, username, token}, as are asked for; no other test knows them. */
export function people(count) {
  assert.ok(everybody.length >= count, "test_javascript.py made too few people");
  return everybody.splice(0, count);
}

/** What a promise gives, or an error that says what did not happen in time. */
export async function soon(promise, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not happen`)), PATIENCE);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The first argument of an emitter's next event. */
export function once(emitter, name) {
  return soon(new Promise((resolve) => emitter.once(name, resolve)), name);
}

/** A stock client that hangs up when the test ends. */
export function client(test, options = {}) {
  // Every client on a connection of its own: by default two of one page would share one.
  const socket = io(url, { forceNew: true, transports: ["websocket"], ...options });
  test.after(() => socket.disconnect());
  return socket;
}

/** The error that a client is refused with. */
export async function refusal(test, auth) {
  const socket = client(test, { auth });
  const error = await once(socket, "connect_error");
  // The stock client tries again where the network failed, and does not where the server said no.
  assert.equal(socket.active, false);
  return error;
}

/** A connected client of somebody, and every push that came to it, in order. */
export class Device {
  static async connect(test, person, options = {}) {
    const device = new Device(client(test, { auth: { token: person.token }, ...options }));
    device.ready = await device.expect("session:ready");
    return device;
  }

  constructor(socket) {
    this.socket = socket;
    this.pushes = [];
    this.waiting = new Set();
    socket.onAny((name, data) => {
      this.pushes.push({ name, data });
      for (const look of this.waiting) look();
    });
    socket.on("connect_error", (error) => this.pushes.push({ name: "connect_error", data: error }));
  }

  /** The ack of a command that must succeed. */
  async do(command, payload = {}) {
    const ack = await soon(this.socket.emitWithAck(command, payload), `the ack of ${command}`);
    assert.equal(ack.success, true, JSON.stringify(ack));
    return ack;
  }

  /** The error of a command that must fail. */
  async refused(command, payload = {}) {
    const ack = await soon(this.socket.emitWithAck(command, payload), `the ack of ${command}`);
    assert.equal(ack.success, false, JSON.stringify(ack));
    return ack.error;
  }

  /** Takes the first push of that name that matches, now or when it comes. */
  async expect(name, matching = () => true) {
    const found = () => this.pushes.findIndex((push) => push.name === name && matching(push.data));
    let look;
    const came = new Promise((resolve) => {
      look = () => found() >= 0 && resolve();
      this.waiting.add(look);
      look();
    });
    try {
      await soon(came, name);
    } catch (error) {
      throw new Error(`${error.message}; what came: ${JSON.stringify(this.pushes)}`);
    } finally {
      this.waiting.delete(look);
    }
    return this.pushes.splice(found(), 1)[0].data;
  }

  /** The data of the pushes of that name that came and were not taken. */
  seen(name) {
    return this.pushes.filter((push) => push.name === name).map((push) => push.data);
  }

  /** Waits until all that the server has pushed so far is here: acks leave in line with pushes. */
  async settled() {
    await this.do("system:ping");
  }
}

/** The direct conversation of two people, as one of them sees it. */
export async function open(device, other, productId) {
  const { conversation } = await device.do("chat:conversation_open", {
    recipientId: other.id,
    ...(productId && { productId }),
  });
  return conversation;
}

/** That an object has these fields, and no others. */
export function assertFields(object, fields) {
  assert.deepEqual(Object.keys(object).sort(), fields.split(" ").sort());
}

export const ISO_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
export const UUID7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
