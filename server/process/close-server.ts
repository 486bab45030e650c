import type { Server } from 'node:http';

const SWEEP_EVERY_MS = 100;

/**
 * Closes a server; resolves when every connection is closed. Idle ones are closed at once, the others after their answer, and all when
 * their requests are due.
 */
export function closeServer(server: Server, dueMs: number): Promise<void> {
  // A connection that was being answered when the stop began stays open after its answer and is idle only then.
  const sweep = setInterval(() => server.closeIdleConnections(), SWEEP_EVERY_MS);
  // A closing server no longer applies Node's request timeout.
  const due = setTimeout(() => server.closeAllConnections(), dueMs);
  return new Promise((resolve) => {
    server.close(() => {
      clearInterval(sweep);
      clearTimeout(due);
      resolve();
    });
    server.closeIdleConnections();
  });
}
