import { mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A port that was free a moment ago, below those that systems give to outgoing connections: it is still free after a restart. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    if (reserve(port) && (await isFree(port))) return port;
  }
}

const RESERVED_MS = 3 * 3_600_000;
const reservations = join(tmpdir(), 'events-ports');
const reserved: string[] = [];
process.once('exit', () => {
  for (const path of reserved) rmSync(path, { force: true });
});

/** Takes a port for this process, against others that look for one at the same time. One that was killed keeps its ports for a while. */
function reserve(port: number): boolean {
  const path = join(reservations, String(port));
  mkdirSync(reservations, { recursive: true });
  try {
    writeFileSync(path, '', { flag: 'wx' });
  } catch {
    const { mtimeMs = Date.now() } = statSync(path, { throwIfNoEntry: false }) ?? {};
    if (Date.now() - mtimeMs < RESERVED_MS) return false;
    writeFileSync(path, '');
  }
  reserved.push(path);
  return true;
}

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
