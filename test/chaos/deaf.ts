import { createServer } from 'node:net';

/** A port where every connection is broken off at once, and counted. */
export interface Deaf {
  /** When connections came, in milliseconds since 1970. */
  readonly attempts: readonly number[];
  close(): Promise<void>;
}

export function openDeaf(port: number): Promise<Deaf> {
  const attempts: number[] = [];
  const server = createServer((socket) => {
    attempts.push(Date.now());
    socket.on('error', () => {});
    socket.resetAndDestroy();
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () =>
      resolve({ attempts, close: () => new Promise((closed) => server.close(() => closed())) }),
    );
  });
}
