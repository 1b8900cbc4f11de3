// How late the event loop is for what is due, as benchmarks/lag.py notes it for our server.
import { writeFileSync } from 'node:fs';

const EVERY = 5;

// The monotonic clock, in milliseconds.
const clock = () => Number(process.hrtime.bigint()) / 1e6;

/** Notes moments (seconds) at which a timer was due, and its lateness (ms); they are written to `file` at the end. */
export function watchLoop(file) {
  const late = [];
  let due = clock() + EVERY;
  const tick = () => {
    const now = clock();
    // One that stood still for long was late for all that was due meanwhile.
    for (; due < now; due += EVERY) late.push([due / 1000, now - due]);
    due = now + EVERY;
    setTimeout(tick, EVERY);
  };
  setTimeout(tick, EVERY);
  process.on('exit', () => writeFileSync(file, JSON.stringify(late)));
}
