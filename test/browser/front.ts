import { createHash, X509Certificate } from 'node:crypto';
import type { Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';
import { certificate } from '../support/certificate.ts';

/** What is wrong between clients and the gateway, for connections that are open too. */
export interface Trouble {
  /** Requests are cut off before they get through. */
  readonly down?: boolean;
  /** Requests get through; their answers are cut off. */
  readonly answersLost?: boolean;
  /** Requests are held up, and go on when that is over: a network that is too slow for a page that goes away. */
  readonly held?: boolean;
}

export interface Front {
  readonly port: number;
  /** From now on; `{}` is none. */
  trouble(next: Trouble): void;
  /** How long nothing has gone to or from the gateway, in milliseconds. */
  quietMs(): number;
  close(): Promise<void>;
}

/**
 * The network of these tests: one TLS port that stands for every host. The gateway's hosts lead to the gateway, byte for byte,
 * all others to the site.
 */
export async function openFront(gatewayHosts: readonly string[], gatewayPort: number, site: Server): Promise<Front> {
  const sockets = new Set<Socket>();
  let trouble: Trouble = {};
  let busyAt = Date.now();
  const keep = (socket: Socket): void => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => sockets.delete(socket));
  };
  const held: (() => void)[] = [];
  const request = (bytes: Buffer, client: Socket, gateway: Socket): void => {
    busyAt = Date.now();
    if (trouble.down) client.destroy();
    else if (trouble.held) held.push(() => client.destroyed || gateway.write(bytes));
    else gateway.write(bytes);
  };
  const answer = (bytes: Buffer, client: Socket): void => {
    busyAt = Date.now();
    if (trouble.answersLost) client.destroy();
    else client.write(bytes);
  };
  const server = createServer(certificate, (client: TLSSocket) => {
    keep(client);
    if (!gatewayHosts.includes(client.servername || '')) return void site.emit('connection', client);
    busyAt = Date.now();
    const gateway = connect(gatewayPort, '127.0.0.1');
    keep(gateway);
    client.on('data', (bytes: Buffer) => request(bytes, client, gateway));
    gateway.on('data', (bytes: Buffer) => answer(bytes, client));
    client.on('close', () => gateway.end());
    gateway.on('close', () => client.end());
  });
  server.on('tlsClientError', (_, socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // A test that fails before it closes its front must end as a failure and not as a run that never ends.
  server.unref();
  return {
    port: (server.address() as AddressInfo).port,
    trouble: (next) => {
      trouble = next;
      if (!trouble.held) for (const goOn of held.splice(0)) goOn();
    },
    quietMs: () => Date.now() - busyAt,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/** The key of the tests' certificate, as Chromium is told that it may trust it for any host. */
export const trustedKey = (): string =>
  createHash('sha256')
    .update(new X509Certificate(certificate.cert).publicKey.export({ type: 'spki', format: 'der' }))
    .digest('base64');
