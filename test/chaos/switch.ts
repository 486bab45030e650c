import { connect, createServer, type Socket } from 'node:net';
import { freePort } from '../support/ports.ts';
import { listening } from './listen.ts';

/** An address that stays, in front of servers that come and go. */
export interface Switch {
  readonly port: number;
  /** Connections go to these ports in turn from now on; those that are open are broken off. */
  to(...ports: readonly number[]): void;
  close(): Promise<void>;
}

export async function openSwitch(): Promise<Switch> {
  let ports: readonly number[] = [];
  let turn = 0;
  const open = new Set<Socket>();
  const cut = () => {
    for (const socket of open) socket.destroy();
  };
  const server = createServer((near) => {
    turn += 1;
    const far = connect(ports[turn % ports.length] ?? 0, '127.0.0.1');
    for (const [one, other] of [[near, far] as const, [far, near] as const]) {
      open.add(one);
      one.setNoDelay(true);
      one.on('error', () => {});
      one.once('close', () => {
        open.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
  });
  const port = await freePort();
  await listening(server, port);
  return {
    port,
    to(...next) {
      ports = next;
      cut();
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        cut();
      }),
  };
}
