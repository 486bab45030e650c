import { mkdirSync, rmdirSync, statSync, unlinkSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { join, relative } from 'node:path';
import { LogUnusable } from '../log.ts';

/** Locking takes milliseconds: a process that has not finished within this time has died. */
const TAKEN_WITHIN_MS = 2000;
const AGAIN_MS = 20;
/** In bytes: systems allow 104 or 108, including a final zero. */
const LONGEST_PATH = process.platform === 'linux' ? 107 : 103;

/**
 * Makes this process the only user of a folder until `release`. It uses a socket and not a file with a process id: the system closes a socket
 * however its owner dies. Throws LogUnusable if another process holds the folder.
 */
export async function lockFolder(folder: string): Promise<{ release: () => Promise<void> }> {
  const absolute = join(folder, 'owner.sock');
  // Socket paths are limited to about 100 bytes, so the shorter form is used.
  const path = [absolute, relative('', absolute)].reduce((a, b) => (b.length < a.length ? b : a));
  // Node would truncate the path, and might reach the socket of another folder.
  if (Buffer.byteLength(path) > LONGEST_PATH)
    throw Object.assign(new Error('the path of the socket is too long'), { code: 'ENAMETOOLONG' });
  const server = await oneByOne(join(folder, 'owner.taking'), async () => {
    if (await answers(path))
      throw new LogUnusable(
        `LOG_URL: must name a folder of its own, got ${JSON.stringify(`lmdb:${folder}`)}, which is in use by another process; stop that one first, or name another folder`,
      );
    ignoring('ENOENT', () => unlinkSync(path));
    return listening(path);
  });
  server.unref();
  return { release: () => new Promise((resolve) => server.close(() => resolve())) };
}

/** Two processes that check at the same moment would both find the socket unanswered. Only one of them can create the folder. */
async function oneByOne<T>(taking: string, action: () => Promise<T>): Promise<T> {
  while (!ignoring('EEXIST', () => mkdirSync(taking))) {
    ignoring('ENOENT', () => {
      // Also if it is in the future, as after a restart with the clock set back.
      if (Math.abs(Date.now() - statSync(taking).mtimeMs) > TAKEN_WITHIN_MS) rmdirSync(taking);
    });
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  }
  try {
    return await action();
  } finally {
    ignoring('ENOENT', () => rmdirSync(taking));
  }
}

function listening(path: string): Promise<Server> {
  const server = createServer((socket) => socket.destroy());
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => resolve(server));
  });
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

/** Whether it succeeded; other errors are thrown. */
function ignoring(code: string, action: () => void): boolean {
  try {
    action();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== code) throw error;
    return false;
  }
}
