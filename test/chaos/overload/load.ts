import { connect, type Socket } from 'node:net';
import { journal } from '../ledger.ts';
import { type Answer, answerReader } from './answers.ts';
import { type Body, bodyFor, type Kind } from './bodies.ts';

export interface LoadOptions {
  readonly port: number;
  readonly connections: number;
  /** Events in each body. */
  readonly events: number;
  /** One request in this many is about carts. */
  readonly saleEvery: number;
  readonly seconds: number;
  /** Requests a second, sent at their time whatever comes back. Absent: each connection sends when it is answered. */
  readonly rate?: number;
  /** The beginning of every event id. */
  readonly run: string;
  /** A file for the first id of every request that was acknowledged. */
  readonly acked: string;
  /** How long answers are waited for once the last request was sent. */
  readonly patienceMs?: number;
}

const PATIENCE_MS = 20_000;
const REOPEN_MS = 10;
/** The system opens connections that the gateway has not seen yet: one that is answered has come to it. */
const GREETING = 'GET /healthz HTTP/1.1\r\nhost: gateway\r\n\r\n';

/** What became of the requests of one kind. */
export interface Tally {
  sent: number;
  /** By status. */
  readonly statuses: Record<string, number>;
  /** Milliseconds from when a request was due until it was acknowledged, by percentile. */
  p50: number;
  p99: number;
  worst: number;
}

export interface LoadResult {
  /** From the first request until the last was sent. */
  readonly seconds: number;
  /** From the first request until the last was acknowledged. */
  readonly ackedSeconds: number;
  readonly kinds: Readonly<Record<Kind, Tally>>;
  /** Answers 429 and 503 without Retry-After. */
  readonly untold: number;
  /** Connections that ended although nobody here ended them. */
  readonly broken: number;
  /** Requests that had no answer when patience was over, although their connections still stood. */
  readonly unanswered: number;
  /** Requests that found no free connection at their time. */
  readonly late: number;
  /** Part of a core that this process used. */
  readonly cpu: number;
}

interface Lane {
  readonly number: number;
  readonly bodies: Readonly<Record<Kind, Body>>;
  socket: Socket;
  since: number;
  kind: Kind;
  id: string;
  open: boolean;
}

/** Sends bodies that are made beforehand, and only numbered anew, so that one core can send ten times what another can take. */
export async function load(options: LoadOptions): Promise<LoadResult> {
  const acked = journal(options.acked);
  const kinds: Record<Kind, Tally> = { browse: tally(), sale: tally() };
  const times: Record<Kind, number[]> = { browse: [], sale: [] };
  const idle: Lane[] = [];
  let untold = 0;
  let broken = 0;
  /** Requests that were lost with their connections. */
  let cut = 0;
  let late = 0;
  let sent = 0;
  let ackedAt = 0;
  let running = true;

  const send = (lane: Lane, due: number): void => {
    const kind: Kind = sent % options.saleEvery === 0 ? 'sale' : 'browse';
    const body = lane.bodies[kind];
    lane.kind = kind;
    lane.since = due;
    lane.open = true;
    lane.id = body.renew(sent);
    sent += 1;
    kinds[kind].sent += 1;
    lane.socket.write(body.bytes);
  };
  const answered = (lane: Lane, { status, told }: Answer): void => {
    const own = kinds[lane.kind];
    own.statuses[status] = (own.statuses[status] ?? 0) + 1;
    if (status === 201) {
      ackedAt = performance.now();
      times[lane.kind].push(ackedAt - lane.since);
      acked.write({ id: lane.id });
    } else if ((status === 429 || status === 503) && !told) untold += 1;
    lane.open = false;
    if (running && options.rate === undefined) send(lane, performance.now());
    else idle.push(lane);
  };
  const open = (lane: Lane): Promise<void> =>
    new Promise((resolve) => {
      const read = answerReader();
      let isTaken = false;
      lane.socket = connect({ port: options.port, host: '127.0.0.1', noDelay: true }, () =>
        lane.socket.write(GREETING),
      );
      lane.socket.on('data', (chunk) => {
        const answer = read(chunk);
        if (answer && isTaken) answered(lane, answer);
        if (!answer || isTaken) return;
        isTaken = true;
        idle.push(lane);
        resolve();
      });
      lane.socket.on('error', () => {});
      lane.socket.once('close', () => {
        // A connection that did not come about is tried again like any other.
        resolve();
        if (!running && !lane.open) return;
        broken += 1;
        if (lane.open) cut += 1;
        else if (idle.includes(lane)) idle.splice(idle.indexOf(lane), 1);
        lane.open = false;
        setTimeout(() => running && void open(lane), REOPEN_MS);
      });
    });

  const lanes = Array.from({ length: options.connections }, (_, number) => laneOf(number, options));
  for (const lane of lanes) await open(lane);
  const begin = performance.now();
  const usedBefore = process.cpuUsage();
  const end = begin + options.seconds * 1000;
  let due = begin;
  const sendDue = (): void => {
    for (const now = performance.now(); due <= now; due += 1000 / (options.rate ?? 1)) {
      const lane = idle.shift();
      if (lane) send(lane, due);
      else late += 1;
    }
  };
  if (options.rate === undefined) for (const lane of idle.splice(0)) send(lane, performance.now());
  await every(1, () => {
    if (options.rate !== undefined) sendDue();
    return performance.now() >= end;
  });
  running = false;
  const seconds = (performance.now() - begin) / 1000;
  const used = process.cpuUsage(usedBefore);
  const stop = performance.now() + (options.patienceMs ?? PATIENCE_MS);
  // Those on their way are answered too, and count.
  await every(10, () => lanes.every((lane) => !lane.open) || performance.now() > stop);
  const unanswered = unansweredOf(Object.values(kinds), cut);
  for (const kind of ['browse', 'sale'] as const) rank(kinds[kind], times[kind]);
  acked.close();
  const cpu = (used.user + used.system) / 1e6 / seconds;
  const ackedSeconds = Math.max(0, ackedAt - begin) / 1000;
  return { seconds, ackedSeconds, kinds, untold, broken, unanswered, late, cpu };
}

/** Counted from what was sent, so that nothing is left out; less than none where answers came to nothing that was asked. */
const unansweredOf = (kinds: readonly Tally[], cut: number): number =>
  kinds.reduce((left, { sent, statuses }) => left + sent - answersIn(statuses), -cut);

const answersIn = (statuses: Readonly<Record<string, number>>): number =>
  Object.values(statuses).reduce((sum, count) => sum + count, 0);

const tally = (): Tally => ({ sent: 0, statuses: {}, p50: 0, p99: 0, worst: 0 });

function rank(own: Tally, times: number[]): void {
  const sorted = Float64Array.from(times).sort();
  const at = (part: number) => Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0);
  [own.p50, own.p99, own.worst] = [at(0.5), at(0.99), at(1)];
}

function laneOf(number: number, { events, run }: LoadOptions): Lane {
  const name = `${run}-${number}`;
  const bodies = { browse: bodyFor('browse', events, name), sale: bodyFor('sale', events, name) };
  return { number, bodies, socket: undefined as unknown as Socket, since: 0, kind: 'browse', id: '', open: false };
}

function every(ms: number, isOver: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const timer = setInterval(() => {
      if (!isOver()) return;
      clearInterval(timer);
      resolve();
    }, ms);
  });
}

if (process.argv[1] === import.meta.filename) {
  const result = await load(JSON.parse(process.argv[2] ?? '{}') as LoadOptions);
  process.send?.(result, () => process.exit(0));
}
