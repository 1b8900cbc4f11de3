// A way to the server on which HTTP requests are refused, and WebSockets pass.

import { createServer, type IncomingMessage } from "node:http";
import { connect, type AddressInfo } from "node:net";

import { onTestFinished } from "vitest";

export interface Backdoor {
  url: string;
  /** How many requests were refused. */
  refused: number;
}

export async function startBackdoor(url: string): Promise<Backdoor> {
  const { hostname, port } = new URL(url);
  const door: Backdoor = { url: "", refused: 0 };
  const server = createServer((_, response) => {
    door.refused += 1;
    response.writeHead(404).end();
  });
  server.on("upgrade", ({ method, url: path, rawHeaders }: IncomingMessage, client) => {
    const upstream = connect(Number(port), hostname);
    upstream.write(`${method ?? ""} ${path ?? ""} HTTP/1.1\r\n`);
    for (let at = 0; at < rawHeaders.length; at += 2) {
      const name = rawHeaders[at] ?? "";
      upstream.write(
        `${name}: ${name.toLowerCase() === "host" ? `${hostname}:${port}` : (rawHeaders[at + 1] ?? "")}\r\n`,
      );
    }
    upstream.write("\r\n");
    upstream.pipe(client).pipe(upstream);
    for (const end of [upstream, client]) end.on("error", () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  door.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return door;
}
