import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { Webhook } from 'standardwebhooks';
import type { Event } from '../../schemas/event.ts';
import { certificate } from './certificate.ts';

/** A request as it came, recorded before it was answered. */
export interface Recorded {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Milliseconds since 1970. */
  readonly at: number;
}

type Headers = Readonly<Record<string, string>>;

/** How a sink answers. Every one of them reads and records the whole request first. */
export type Behaviour =
  | { readonly kind: 'answer'; readonly status: number; readonly headers?: Headers; readonly body?: string | Buffer }
  | { readonly kind: 'redirect'; readonly status: number; readonly to: string }
  /** Never answers. */
  | { readonly kind: 'hang' }
  /** Cuts the connection instead of answering. */
  | { readonly kind: 'reset' }
  /** Cuts the connection in the middle of the body; with its length stated or in chunks. */
  | { readonly kind: 'reset mid-answer'; readonly status: number; readonly chunked?: boolean }
  /** One byte a second, for ever. */
  | { readonly kind: 'drip'; readonly status: number }
  /** A body without end, as fast as it is taken. */
  | { readonly kind: 'endless'; readonly status: number; readonly headers?: Headers }
  | { readonly kind: 'delay'; readonly ms: number; readonly next: Behaviour };

export interface Sink {
  readonly url: string;
  readonly port: number;
  readonly requests: readonly Recorded[];
  /** Connections since it was opened. */
  connections(): number;
  /** Connections that are open now. */
  open(): number;
  /** Bytes of answers that went out to the network. */
  bytesSent(): number;
  /** From now on; a function is asked for every request, with how many came before it. */
  behave(behaviour: Behaviour | ((request: Recorded, before: number) => Behaviour)): void;
  /** All events of all webhook bodies, in order of arrival. */
  events(): Event[];
  /** Throws unless every request carries a valid Standard Webhooks signature of this secret. */
  verify(secret: string): void;
  /** Cuts every connection. */
  close(): Promise<void>;
}

/** A real HTTP (or HTTPS) server on a free port of 127.0.0.1. It answers 200 until told otherwise. */
export async function openSink({ tls = false }: { tls?: boolean } = {}): Promise<Sink> {
  const requests: Recorded[] = [];
  const sockets = new Set<Socket>();
  let behaviour: Parameters<Sink['behave']>[0] = { kind: 'answer', status: 200 };
  let connections = 0;
  let sentOnClosed = 0;

  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    // A client that goes away in the middle of its request has sent nothing worth recording.
    const recorded = await record(request).catch(() => undefined);
    if (!recorded) return;
    const before = requests.push(recorded) - 1;
    act(typeof behaviour === 'function' ? behaviour(recorded, before) : behaviour, response);
  };
  const server = tls ? createSecureServer(certificate, handle) : createServer(handle);
  server.on('connection', (socket: Socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      sockets.delete(socket);
      sentOnClosed += socket.bytesWritten;
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // A test that fails before it closes its sink must end as a failure and not as a run that never ends.
  server.unref();
  const { port } = server.address() as AddressInfo;

  return {
    url: `${tls ? 'https' : 'http'}://127.0.0.1:${port}/hooks`,
    port,
    requests,
    connections: () => connections,
    open: () => sockets.size,
    bytesSent: () => [...sockets].reduce((sum, socket) => sum + socket.bytesWritten, sentOnClosed),
    behave: (next) => {
      behaviour = next;
    },
    events: () => requests.flatMap(eventsOf),
    verify: (secret) => {
      for (const { body, headers } of requests) new Webhook(secret).verify(body, headers);
    },
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/** Each body is parsed once: tests ask every few milliseconds. */
function eventsOf(request: Recorded): readonly Event[] {
  const known = parsed.get(request) ?? (JSON.parse(request.body).data.events as Event[]);
  parsed.set(request, known);
  return known;
}

const parsed = new WeakMap<Recorded, readonly Event[]>();

async function record(request: IncomingMessage): Promise<Recorded> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return {
    method: request.method ?? '',
    path: request.url ?? '',
    headers: request.headers as Record<string, string>,
    body: Buffer.concat(chunks).toString('utf8'),
    at: Date.now(),
  };
}

function act(behaviour: Behaviour, response: ServerResponse): void {
  switch (behaviour.kind) {
    case 'answer':
      response.writeHead(behaviour.status, behaviour.headers).end(behaviour.body);
      return;
    case 'redirect':
      response.writeHead(behaviour.status, { location: behaviour.to }).end('moved');
      return;
    case 'hang':
      return;
    case 'reset':
      response.socket?.resetAndDestroy();
      return;
    case 'reset mid-answer':
      response.writeHead(behaviour.status, behaviour.chunked ? {} : { 'content-length': '1000' });
      response.write('half of', () => response.socket?.destroy());
      return;
    case 'drip': {
      response.writeHead(behaviour.status, { 'content-length': '1000000' });
      const drops = setInterval(() => response.write('.'), 1_000);
      response.write('.');
      response.on('close', () => clearInterval(drops));
      return;
    }
    case 'endless':
      response.writeHead(behaviour.status, behaviour.headers);
      pour(response, Buffer.alloc(64 * 1024, 'x'));
      return;
    case 'delay': {
      const timer = setTimeout(() => act(behaviour.next, response), behaviour.ms);
      response.on('close', () => clearTimeout(timer));
    }
  }
}

function pour(response: ServerResponse, chunk: Buffer): void {
  while (!response.destroyed && response.write(chunk));
  if (!response.destroyed) response.once('drain', () => pour(response, chunk));
}
