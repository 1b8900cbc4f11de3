// The composition root.
import { createServer } from 'node:http';
import { config } from './config.js';
import { pool, warmUp } from './database.js';
import { watchLoop } from './loop-lag.js';
import { createRest } from './rest.js';
import { createSockets } from './sockets.js';

let io;
const httpServer = createServer(createRest(() => io));
io = createSockets(httpServer);

await warmUp();
if (config.loopLagFile) watchLoop(config.loopLagFile);
httpServer.listen({ port: config.port, host: config.host, backlog: 1024 });

for (const signal of ['SIGTERM', 'SIGINT']) {
  process.once(signal, async () => {
    await io.close();
    await pool.end();
    process.exit(0);
  });
}
