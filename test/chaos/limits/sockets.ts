import { connect, type Socket } from 'node:net';
import { pause } from '../random.ts';

/** Connections that are held. */
export interface Held {
  /** How many came about. */
  readonly connected: number;
  open(): number;
  /** Milliseconds from the beginning until the last one was ended by the other side. */
  lastGoneMs(): number;
  close(): void;
}

/** Opens this many connections; `speak` is called with each that comes about, and every second until it ends. */
export async function hold(
  port: number,
  count: number,
  speak?: (socket: Socket, number: number, second: number) => void,
): Promise<Held> {
  const begin = performance.now();
  let connected = 0;
  let gone = 0;
  const open = new Set<Socket>();
  const hold = (number: number) => {
    const socket = connect(port, '127.0.0.1', () => {
      connected += 1;
      open.add(socket);
      speak?.(socket, number, 0);
    });
    let second = 0;
    const timer = setInterval(() => speak?.(socket, number, ++second), 1000);
    socket.on('error', () => {});
    socket.resume();
    socket.once('close', () => {
      clearInterval(timer);
      if (open.delete(socket)) gone = performance.now() - begin;
    });
  };
  for (let number = 0; number < count; number += 1) {
    hold(number);
    if (number % 100 === 99) await pause(20);
  }
  // Those that are too many are closed at once.
  await pause(1000);
  return {
    connected,
    open: () => open.size,
    lastGoneMs: () => gone,
    close: () => {
      for (const socket of open) socket.destroy();
    },
  };
}

const HEAD = 'POST /beacon HTTP/1.1\r\nhost: gateway\r\n';

/** One third says nothing, one drips headers, one drips a body that it has announced. */
export function drip(socket: Socket, number: number, second: number): void {
  if (socket.destroyed) return;
  if (number % 3 === 1) socket.write(second === 0 ? HEAD : `x-${second}: y\r\n`);
  if (number % 3 === 2) socket.write(second === 0 ? `${HEAD}content-length: 1000\r\n\r\n` : 'x');
}
