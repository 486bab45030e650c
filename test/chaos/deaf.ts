import { createServer } from 'node:net';
import { listening } from './listen.ts';

/** A port where every connection is broken off at once, and counted. */
export interface Deaf {
  /** When connections came, in milliseconds since 1970. */
  readonly attempts: readonly number[];
  close(): Promise<void>;
}

export async function openDeaf(port: number): Promise<Deaf> {
  const attempts: number[] = [];
  const server = createServer((socket) => {
    attempts.push(Date.now());
    socket.on('error', () => {});
    socket.resetAndDestroy();
  });
  await listening(server, port);
  return { attempts, close: () => new Promise((closed) => server.close(() => closed())) };
}
