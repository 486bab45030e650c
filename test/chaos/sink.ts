import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { ended, firstMessage, startScript } from './children.ts';
import { isMarked, recognise } from './events.ts';
import type { Received } from './judge.ts';
import { journal } from './ledger.ts';
import { listening } from './listen.ts';

/** One line of a sink's record: an event, a request that was none, or the id of an event that it rejected. */
export type Arrival =
  | (Received & { readonly at: number })
  | { readonly destination: string; readonly unreadable: string }
  | { readonly destination: string; readonly rejected: string }
  /** The `webhook-id` of a request that came while another was open, where there may be one at a time. */
  | { readonly destination: string; readonly beside: string };

/** How a destination treats its requests. Faults do not meet a request whose `webhook-id` was taken before: it is known, and welcome. */
export interface Manners {
  /** How long each request is held, so that a kill meets deliveries that are half done. */
  readonly holdMs?: number;
  /** Whether its senders have one lane, so that a second open request is one too many. */
  readonly alone?: boolean;
  /** The status for a request that holds a marked event. Nothing of it is taken; with 422 the marked ones are written down as rejected. */
  readonly marked?: 422 | 500;
  /** Answers one in this many requests with 500 and takes nothing. */
  readonly failEvery?: number;
  /** Breaks one in this many connections off and takes nothing. */
  readonly resetEvery?: number;
  /** Breaks one in this many connections off after writing down what came: a legitimate cause of repeats. */
  readonly resetAfterEvery?: number;
}

export interface SinkOptions {
  readonly port: number;
  readonly record: string;
  /** For all destinations that have none of their own. */
  readonly manners?: Manners;
  readonly mannersOf?: Readonly<Record<string, Manners>>;
}

/** A sink as a process of its own, listening. It is killed to end it: nothing of its record is lost by that. */
export async function openSink(options: SinkOptions): Promise<{ close(): Promise<void> }> {
  const child = startScript(import.meta.filename, options);
  await firstMessage(child);
  return { close: async () => void (await ended(child, 'SIGKILL')) };
}

/**
 * A destination that writes down every event before it answers. The path of the request, without the first slash, names it.
 * One request is held after it is written down, the next before: if its sender dies meanwhile, the first has arrived and will
 * be repeated, and the second has not, so a sender that counted it as delivered has lost it.
 */
function startSink({ port, record, manners = {}, mannersOf = {} }: SinkOptions): Promise<void> {
  const { write } = journal(record);
  const destinations = new Map<string, Visits>();
  // Unlike any number that a sink gave before whose record this one continues.
  let requests = Date.now() * 1000;

  const take = async (request: IncomingMessage, response: ServerResponse) => {
    requests += 1;
    const name = request.url?.slice(1) ?? '';
    const delivery = { id: String(request.headers['webhook-id']), request: requests };
    const visits = destinations.get(name) ?? { count: 0, known: new Set(), open: new Set() };
    destinations.set(name, visits);
    visits.count += 1;
    const { count } = visits;
    const { holdMs = 0, alone, marked, ...rest } = mannersOf[name] ?? manners;
    const faults: Manners = visits.known.has(delivery.id) ? {} : rest;
    const others = [...visits.open];
    visits.open.add(response);
    response.once('close', () => visits.open.delete(response));
    const events = eventsOf(await text(request));
    // By now it is known of those whose sender has died meanwhile.
    if (alone && others.some((other) => visits.open.has(other))) write({ destination: name, beside: delivery.id });
    if (events instanceof Error) {
      write({ destination: name, unreadable: `${name} ${delivery.id}: ${events.message}` });
      return void response.writeHead(200).end();
    }
    if (count % 2 === 0) await held(holdMs);
    if (request.socket.destroyed || struck(count, faults.resetEvery)) return void request.socket.resetAndDestroy();
    if (struck(count, faults.failEvery)) return void response.writeHead(500).end('one in so many');
    const disliked = marked === undefined ? [] : events.filter(isMarked).map((event) => recognise(event).id);
    if (marked !== undefined && disliked.length > 0) {
      if (marked === 422) write(...disliked.map((id) => ({ destination: name, rejected: id })));
      return void response.writeHead(marked).end(`cannot take ${disliked.join(' ')}`);
    }
    visits.known.add(delivery.id);
    const at = Date.now();
    write(...events.map((event) => ({ ...recognise(event), destination: name, delivery, at })));
    if (struck(count, faults.resetAfterEvery)) return void request.socket.resetAndDestroy();
    if (count % 2 === 1) await held(holdMs);
    response.writeHead(200).end();
  };
  // A request that its sender cut off is no arrival.
  const server = createServer((request, response) => void take(request, response).catch(() => response.destroy()));
  return listening(server, port);
}

/** What a destination has seen: requests, the ids of those whose events it took, and those that are not answered yet. */
interface Visits {
  count: number;
  readonly known: Set<string>;
  readonly open: Set<ServerResponse>;
}

const struck = (count: number, every: number | undefined): boolean => every !== undefined && count % every === 0;

const held = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function eventsOf(body: string): unknown[] | Error {
  try {
    const { data } = JSON.parse(body) as { data: { events: unknown[] } };
    return data.events.map((event) => event);
  } catch (error) {
    return new Error(`${error}: ${body.slice(0, 200)}`);
  }
}

if (process.argv[1] === import.meta.filename) {
  await startSink(JSON.parse(process.argv[2] ?? '{}') as SinkOptions);
  process.send?.('listening');
}
