// A stock ws client that is gone as soon as it has awaited a message; run by tests/doors/protocols/test_stock_clients.py.

import { once } from "node:events";

import WebSocket from "ws";

const socket = new WebSocket(process.env.WEBSOCKET_URL);
await once(socket, "open");
socket.send("ready");
await once(socket, "message");
socket.terminate();
