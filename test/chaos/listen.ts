import type { Server as HttpServer } from 'node:http';
import type { Server } from 'node:net';

/** Resolves once the server listens; rejects where it cannot. */
export function listening(server: Server, port: number, address = '127.0.0.1'): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, address, () => resolve());
  });
}

/** Ends a server and breaks off what is open. Resolves when all of it is gone. */
export function closed(server: HttpServer): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
