import { randomUUID } from 'node:crypto';
import { Agent, request } from 'node:http';
import { latencies } from './latencies.ts';
import { sharedNow, stamped } from './stamp.ts';

/** What to send from now on: this many single events a second of one type, or nothing. */
export type FreshOrder =
  | { readonly kind: 'start'; readonly rate: number; readonly eventType: string }
  | { readonly kind: 'stop' };

/** What became of the events since the last start. */
export interface Sent {
  readonly accepted: number;
  /** Milliseconds until the answer: lag that is not the delivery's. */
  readonly answerP50: number;
  readonly answerP95: number;
  readonly answerP99: number;
  readonly slowestAnswer: number;
  /** By status or error. */
  readonly failures: Readonly<Record<string, number>>;
}

const [port, token = ''] = process.argv.slice(2);
// As many connections as it takes: an answer that is late must not hold back the next event.
const agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY });
const answers = latencies();
let accepted = 0;
let underWay = 0;
let failures: Record<string, number> = {};
let ticks: NodeJS.Timeout | undefined;
let count = 0;

process.on('message', (order: FreshOrder) => {
  clearInterval(ticks);
  if (order.kind === 'stop') return void answered().then(() => process.send?.(sent()));
  [accepted, failures] = [0, {}];
  answers.clear();
  const interval = 1000 / order.rate;
  let due = performance.now();
  ticks = setInterval(() => {
    for (const now = performance.now(); due <= now; due += interval) send(order.eventType);
  }, 1);
  process.send?.('started');
});
process.send?.('ready');

/** Sends one event, stamped with the moment it leaves. */
function send(eventType: string): void {
  count += 1;
  const event = {
    event_id: randomUUID(),
    event_type: eventType,
    timestamp: '2026-06-01T14:30:00.000Z',
    session_id: `5f1c3a9e-7b1d-4c55-9a55-${String(count % 1000).padStart(12, '0')}`,
    device_id: '0b6f3c1e-52a4-4f0e-8f57-2b8f6a1c9d3e',
    product_id: 7_982_301_536_444,
    variant_id: 43_129_800_000_000,
    ...stamped(sharedNow()),
  };
  post(JSON.stringify({ events: [event] }));
}

function post(body: string): void {
  underWay += 1;
  const headers = {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    'x-storefront-access-token': token,
  };
  const since = performance.now();
  const settle = (failure?: string) => {
    underWay -= 1;
    answers.add(performance.now() - since);
    if (failure === undefined) accepted += 1;
    else failures[failure] = (failures[failure] ?? 0) + 1;
  };
  const outgoing = request({ port, host: '127.0.0.1', path: '/beacon', method: 'POST', agent, headers }, (answer) => {
    answer.resume();
    answer.once('close', () =>
      settle(answer.complete && answer.statusCode === 201 ? undefined : String(answer.statusCode)),
    );
  });
  outgoing.once('error', (error) => settle(error.message));
  outgoing.end(body);
}

async function answered(): Promise<void> {
  while (underWay > 0) await new Promise((resolve) => setTimeout(resolve, 5));
}

const sent = (): Sent => ({
  accepted,
  answerP50: answers.percentile(0.5),
  answerP95: answers.percentile(0.95),
  answerP99: answers.percentile(0.99),
  slowestAnswer: answers.percentile(1),
  failures,
});
