import { connect, type Socket } from 'node:net';

/** What one client does to shut out all others, with the public token of its own shop. */
export interface Attack {
  readonly name: string;
  readonly does: string;
  /** Goes on until the signal aborts. */
  run(port: number, signal: AbortSignal): void;
}

export const ATTACKER = 'attacker-token';
export const ADMIN_TOKEN = 'admin-token-of-32-characters-0123';

export const head = (more: string): string =>
  `POST /beacon HTTP/1.1\r\nHost: a\r\nX-Storefront-Access-Token: ${ATTACKER}\r\n${more}\r\n\r\n`;

/** Keeps this many connections, each begun by `begin`, and opens another one for each that ends. `reads` false: nothing that comes is read. */
export function hold(
  count: number,
  {
    port,
    signal,
    begin,
    reads = true,
    waitMs = 200,
  }: { port: number; signal: AbortSignal; begin: (s: Socket) => void; reads?: boolean; waitMs?: number },
): void {
  const open = (): void => {
    if (signal.aborted) return;
    const socket = connect(port, '127.0.0.1', () => begin(socket));
    const end = () => socket.destroy();
    signal.addEventListener('abort', end, { once: true });
    socket.on('error', () => {});
    if (reads) socket.resume();
    socket.once('close', () => {
      signal.removeEventListener('abort', end);
      if (!signal.aborted) setTimeout(open, waitMs);
    });
  };
  for (let number = 0; number < count; number += 1) open();
}

/** Writes the same again and again, as fast as it is taken, or every this many milliseconds. */
export function repeat(socket: Socket, bytes: string | Buffer, everyMs?: number): void {
  if (everyMs !== undefined) {
    const timer = setInterval(() => (socket.writable ? socket.write(bytes) : undefined), everyMs);
    socket.once('close', () => clearInterval(timer));
    return;
  }
  const more = (): void => {
    while (!socket.destroyed && socket.write(bytes));
    if (!socket.destroyed) socket.once('drain', more);
  };
  more();
}
