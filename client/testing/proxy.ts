// A network between a client and the server: it can be cut, and it can go silent.

import { connect, createServer, type AddressInfo, type Socket } from "node:net";

export interface Proxy {
  url: string;
  /** Cuts every connection. */
  cut(): void;
  /** Lets nobody connect, or lets them again. */
  block(isBlocked: boolean): void;
  /** Leads to another server from now on. */
  lead(url: string): void;
  /** Carries nothing any more, and tells nobody. */
  silence(isSilent: boolean): void;
  /** Carries nothing any more on the connections that there are. */
  freeze(): void;
  /** Carries nothing that the server says, so that what was asked is done and not answered. */
  mute(isMute: boolean): void;
  close(): Promise<void>;
}

/** Starts a network to the server at `url`. */
export async function startProxy(url: string): Promise<Proxy> {
  let { hostname, port } = new URL(url);
  const open = new Set<Socket>();
  const frozen = new WeakSet<Socket>();
  let isBlocked = false;
  let isSilent = false;
  let isMute = false;

  const server = createServer((client) => {
    if (isBlocked) {
      client.destroy();
      return;
    }
    const upstream = connect(Number(port), hostname);
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      open.add(from);
      from.on("data", (data) => {
        if (!isSilent && !frozen.has(from) && !(isMute && from === upstream)) to.write(data);
      });
      from.on("error", () => undefined);
      from.on("close", () => {
        open.delete(from);
        to.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const cut = () => {
    for (const socket of open) socket.destroy();
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut,
    block: (now) => {
      isBlocked = now;
      if (now) cut();
    },
    lead: (to) => {
      ({ hostname, port } = new URL(to));
      cut();
    },
    silence: (now) => {
      isSilent = now;
    },
    freeze: () => {
      for (const socket of open) frozen.add(socket);
    },
    mute: (now) => {
      isMute = now;
    },
    close: async () => {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
