// Stock clients of STOMP for people given by tests/doors/marketplace/test_javascript.py.

import assert from "node:assert/strict";

import { Client } from "@stomp/stompjs";
import SockJS from "sockjs-client";
import { WebSocket } from "ws";

import { soon } from "../support.mjs";

export const url = process.env.MARKET_URL;
export const { jane, john, product } = JSON.parse(process.env.MARKET_WORLD);
export const NOTIFICATIONS = "/user/queue/notifications";

export const topic = (conversationId) => `/topic/conversation.${conversationId}`;

/** How each transport is opened: over a WebSocket, or by sockjs-client with no other than that one. */
export const transports = {
  "a WebSocket": { brokerURL: `${url.replace("http", "ws")}/marketplace/ws` },
  "Spring's native address": { brokerURL: `${url.replace("http", "ws")}/marketplace/ws/websocket` },
  ...Object.fromEntries(
    ["websocket", "xhr-streaming", "eventsource", "xhr-polling"].map((name) => [
      `SockJS by ${name}`,
      {
        webSocketFactory: () => {
          const socket = new SockJS(`${url}/marketplace/ws`, null, { transports: [name] });
          socket.wanted = name;
          return socket;
        },
      },
    ]),
  ),
};

/** Ask a route of the marketplace system as somebody. */
export async function rest(person, method, path, body) {
  const response = await fetch(`${url}/marketplace/api${path}`, {
    method,
    headers: { Authorization: `Bearer ${person.token}` },
    body: body && JSON.stringify(body),
  });
  assert.ok(response.ok, `${method} ${path}: ${response.status}`);
  return response.json();
}

/** A new conversation of Jane and John about a product of its own. */
export async function conversation() {
  const about = { recipientId: john.id, productId: `${product}-${crypto.randomUUID()}` };
  const sent = await rest(jane, "POST", "/messages", { ...about, text: "Hello" });
  return sent.conversationId;
}

/** A stock client, and what it is told, in order. It hangs up when the test ends. */
export class Device {
  constructor(test, person, how, options = {}) {
    this.told = [];
    this.waiting = new Set();
    this.client = new Client({
      connectHeaders: { Authorization: `Bearer ${person.token}` },
      reconnectDelay: 0,
      ...(how.brokerURL && { webSocketFactory: () => new WebSocket(how.brokerURL, this.client.stompVersions.protocolVersions()) }),
      ...(how.webSocketFactory && { webSocketFactory: how.webSocketFactory }),
      ...options,
    });
    this.connected = new Promise((resolve) => (this.client.onConnect = resolve));
    this.error = new Promise((resolve) => (this.client.onStompError = resolve));
    this.closed = new Promise((resolve) => (this.client.onWebSocketClose = resolve));
    test.after(() => this.client.deactivate({ force: true }));
  }

  static async connect(test, person, how, options) {
    const device = new Device(test, person, how, options);
    device.client.activate();
    device.frame = await soon(device.connected, "CONNECTED");
    return device;
  }

  /** Await the receipt of what `ask` does with the headers that ask for it; an ERROR rejects. */
  async done(ask) {
    const receipt = `receipt-${crypto.randomUUID()}`;
    const came = new Promise((resolve) => this.client.watchForReceipt(receipt, resolve));
    ask({ receipt });
    const refused = this.error.then(({ headers }) => Promise.reject(new Error(headers.message)));
    await soon(Promise.race([came, refused]), "the receipt");
  }

  async subscribe(destination) {
    let subscription;
    await this.done((headers) => {
      subscription = this.client.subscribe(
        destination,
        (message) => {
          assert.equal(message.headers.destination, destination);
          this.told.push({ destination, ...JSON.parse(message.body) });
          for (const look of this.waiting) look();
        },
        headers,
      );
    });
    return subscription;
  }

  async send(destination, message) {
    const body = JSON.stringify(message);
    await this.done((headers) => this.client.publish({ destination, body, headers }));
  }

  /** Take the first thing told, at a destination, that fits. */
  async expect(destination, type, fits = () => true) {
    const found = () =>
      this.told.findIndex((t) => t.destination === destination && t.type === type && fits(t));
    const came = new Promise((resolve) => {
      const look = () => found() >= 0 && (this.waiting.delete(look), resolve());
      this.waiting.add(look);
      look();
    });
    await soon(came, `${type} at ${destination}`);
    const { destination: _, ...told } = this.told.splice(found(), 1)[0];
    return told;
  }
}
