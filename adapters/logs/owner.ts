import { unlinkSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join, relative } from 'node:path';

/**
 * Makes this process the only user of a folder until `release`. A socket, not a file with a process id: the system closes it
 * when its owner dies, however it dies. Throws if another process holds the folder.
 */
export async function own(folder: string): Promise<{ release: () => Promise<void> }> {
  const absolute = join(folder, 'owner.sock');
  // Socket paths are limited to about 100 bytes, so the shorter form is used.
  const path = [absolute, relative('', absolute)].reduce((a, b) => (b.length < a.length ? b : a));
  if (await answers(path)) {
    throw new Error(`${folder} is in use by another process. Stop it first, or give this one its own LOG_URL.`);
  }
  ignoreMissing(() => unlinkSync(path));
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
  server.unref();
  return { release: () => new Promise((resolve) => server.close(() => resolve())) };
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

function ignoreMissing(action: () => void): void {
  try {
    action();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
