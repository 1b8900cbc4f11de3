// How late the event loop is for what is due, in milliseconds, as benchmarks/lag.py counts it for our server.
import { writeFileSync } from 'node:fs';

const EVERY = 5;

/** Notes every lateness; SIGUSR2 starts anew, and the end of the process writes them to `file`. */
export function watchLoop(file) {
  let late = [];
  let due = performance.now() + EVERY;
  const tick = () => {
    const now = performance.now();
    // One that stood still for long was late for all that was due meanwhile.
    for (let each = now - due; each > 0; each -= EVERY) late.push(each);
    due = now + EVERY;
    setTimeout(tick, EVERY);
  };
  setTimeout(tick, EVERY);
  process.on('SIGUSR2', () => {
    late = [];
  });
  process.on('exit', () => writeFileSync(file, JSON.stringify(late)));
}
