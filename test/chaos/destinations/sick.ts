import { createServer as createHttp, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { createServer, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { ended, firstMessage, startScript } from '../children.ts';
import { type Mark, recognise } from '../events.ts';
import { journal } from '../ledger.ts';
import { listening } from '../listen.ts';
import { type Case, casesWith } from './cases.ts';
import { certificates } from './certificates.ts';

export interface SickOptions {
  readonly shop: string;
  /** Where each of the cases listens, by its name. */
  readonly ports: Readonly<Record<string, number>>;
  readonly canaryPort: number;
  /** What was taken, as sinks write it. */
  readonly record: string;
  /** When a sick destination was asked, and how much of its answer went out. */
  readonly asked: string;
}

/** One request, or one connection where it never came to that, at a destination that was not well. */
export interface Asked {
  readonly name: string;
  readonly at: number;
}

/** How much went out over one of their connections. */
export interface Poured {
  readonly name: string;
  readonly bytes: number;
}

export interface Sick {
  /** All of them are well from now on. */
  mend(): Promise<void>;
  close(): Promise<void>;
}

/** All the destinations, as a process of their own. */
export async function openSick(options: SickOptions): Promise<Sick> {
  const child = startScript(import.meta.filename, options);
  await firstMessage(child);
  return {
    mend: async () => {
      child.send('mend');
      await firstMessage(child);
    },
    close: async () => void (await ended(child, 'SIGKILL')),
  };
}

interface Site {
  mend(): Promise<void>;
}

// Unlike any number that another sink gives.
let requests = Date.now() * 1000 + 500;

/** One destination: its faults until it is mended, then a plain sink. */
async function open(site: Case, port: number, options: SickOptions): Promise<Site> {
  const { name, fault, https } = site;
  const destination = `${options.shop}/${name}`;
  const [record, asked] = [journal(options.record), journal(options.asked)];
  let mended = false;
  let before = 0;
  const note = () => asked.write({ name, at: Date.now() });

  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    const sick = !mended && fault.answer !== undefined;
    if (sick) note();
    requests += 1;
    const delivery = { id: String(request.headers['webhook-id']), request: requests };
    const events = eventsOf(await text(request));
    const take = () => {
      const at = Date.now();
      record.write(...events.map((event) => ({ ...event, destination, delivery, at })));
    };
    if (sick) fault.answer?.({ socket: request.socket, response, events, before, take });
    else {
      take();
      response.writeHead(200).end();
    }
    before += 1;
  };
  const onRequest = (request: IncomingMessage, response: ServerResponse) =>
    void handle(request, response).catch(() => response.destroy());
  const secure = https ? createHttps(fault.certificate ?? certificates.good, onRequest) : undefined;
  const server = secure ?? createHttp(onRequest);
  const gate = createServer((socket: Socket) => {
    socket.on('error', () => socket.destroy());
    const sick = !mended;
    socket.once('close', () => sick && asked.write({ name, bytes: socket.bytesWritten }));
    if (!mended && (fault.connect || fault.certificate)) note();
    if (!mended && fault.connect) fault.connect(socket);
    else server.emit('connection', socket);
  });
  if (!fault.closed) await listening(gate, port);
  return {
    async mend() {
      mended = true;
      secure?.setSecureContext(certificates.good);
      if (fault.closed) await listening(gate, port);
    },
  };
}

function eventsOf(body: string): Mark[] {
  const { data } = JSON.parse(body) as { data: { events: unknown[] } };
  return data.events.map(recognise);
}

if (process.argv[1] === import.meta.filename) {
  const options = JSON.parse(process.argv[2] ?? '{}') as SickOptions;
  const sites = await Promise.all(
    casesWith(options.canaryPort).flatMap((one) => {
      const port = options.ports[one.name];
      return port === undefined ? [] : [open(one, port, options)];
    }),
  );
  // A connection that ends in the middle of what one of them says is what they are here for.
  process.on('uncaughtException', (error) => console.error(`sick: ${error.message}`));
  process.on('message', () => void Promise.all(sites.map((site) => site.mend())).then(() => process.send?.('mended')));
  process.send?.('listening');
}
