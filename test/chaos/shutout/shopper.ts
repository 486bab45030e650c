import { randomUUID } from 'node:crypto';
import { Agent } from 'node:http';
import { layersOrder, post } from '../post.ts';
import { pause } from '../random.ts';

/** As a shop with a few million events a day in its best hour, over the connections that a proxy or an app's users hold. */
const EVERY_MS = 5;
const CONNECTIONS = 20;
const PATIENCE_MS = 10_000;

/** How one shop's requests were answered, and after how many milliseconds, counted from when each was due, also where no connection was free. */
export interface Served {
  readonly sent: number;
  readonly statuses: Readonly<Record<string, number>>;
  readonly refused: number;
  /** Answered with something else than 201 and 503, or not at all. */
  readonly lost: number;
  readonly p50: number;
  readonly p99: number;
  /** Of fewer than 1,000 requests it is the longest. */
  readonly p999: number;
}

/**
 * Browse events of one shop, one in each request, 200 requests a second over 20 connections. It is an open loop: a request is sent when it is due,
 * however long the others take, and what it waits for a connection counts.
 */
export async function shopper({ port, token, seconds }: { port: number; token: string; seconds: number }) {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS, timeout: PATIENCE_MS });
  const statuses: Record<string, number> = {};
  const times: number[] = [];
  const all: Promise<void>[] = [];
  const send = async (number: number): Promise<void> => {
    const due = performance.now();
    const reply = await post({ port, agent, ...layersOrder(token, [viewed(number)]) });
    const status = 'status' in reply ? String(reply.status) : 'none';
    statuses[status] = (statuses[status] ?? 0) + 1;
    times.push(performance.now() - due);
  };
  const begin = performance.now();
  for (let number = 0; number * EVERY_MS < seconds * 1000; number += 1) {
    await pause(begin + number * EVERY_MS - performance.now());
    all.push(send(number));
  }
  await Promise.all(all);
  agent.destroy();
  return servedOf(times, statuses);
}

function servedOf(times: number[], statuses: Readonly<Record<string, number>>): Served {
  times.sort((a, b) => a - b);
  const at = (share: number) => Math.round((times[Math.floor(times.length * share)] ?? 0) * 10) / 10;
  const refused = statuses['503'] ?? 0;
  const lost = times.length - refused - (statuses['201'] ?? 0);
  return { sent: times.length, statuses, refused, lost, p50: at(0.5), p99: at(0.99), p999: at(0.999) };
}

const viewed = (number: number) => ({
  event_type: 'product_view',
  event_id: randomUUID(),
  timestamp: new Date().toISOString(),
  session_id: `session-${number % 500}`,
  product_id: 8_100_000_000_000 + (number % 1000),
  variant_id: 44_100_000_000_000 + (number % 1000),
  page_url: 'https://victim.example/products/a-thing?utm_source=newsletter',
  marketing_source: 'newsletter',
});
