import { appendFileSync } from 'node:fs';

/**
 * Loaded into a gateway before its own code (`node --import`): writes down when nothing else could run for longer than `NOTICED_MS`. The
 * loop is looked at every 5 ms, so a stall is found 5 ms too long at most. Time in which the machine gave the processor to others is not
 * counted, as far as the process's own processor time tells.
 */
const EVERY_MS = 5;
const NOTICED_MS = 20;
const { STALLS_FILE: file } = process.env;

if (file !== undefined) {
  let wall = performance.now();
  let processor = process.cpuUsage();
  setInterval(() => {
    const { user, system } = process.cpuUsage(processor);
    const now = performance.now();
    const ms = Math.min(now - wall, (user + system) / 1000);
    if (ms > NOTICED_MS) appendFileSync(file, `${JSON.stringify({ at: Date.now(), ms })}\n`);
    wall = performance.now();
    processor = process.cpuUsage();
  }, EVERY_MS).unref();
}
