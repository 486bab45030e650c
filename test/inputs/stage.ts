import type { Event } from '../../schemas/event.ts';
import { createLogger } from '../../server/base/logger.ts';
import { ADMIN_TOKEN } from '../support/admin.ts';
import { temporaryFolder } from '../support/folder.ts';
import { call, gatewayWith } from '../support/gateway.ts';
import { openSink } from '../support/sink.ts';
import { until } from '../support/until.ts';
import { exactly } from './exact.ts';

/** A refused event or body, as an operator sees it. */
export interface Quarantined {
  readonly shop: string;
  readonly code: string;
  readonly reasons: readonly string[];
  readonly raw: string;
}

/** What receivers got of a shop, in order of arrival. */
export interface Received {
  /** Whole numbers past 2^53 are texts of their digits. */
  readonly events: Event[];
  readonly bodies: string[];
}

/** A gateway, and a receiver for the events of all its shops. */
export interface Stage {
  readonly port: number;
  /** What the gateway logged as errors, but for a receiver that was too slow for it. */
  readonly errors: readonly string[];
  /** What came by shop, once this many events are here. */
  received(count: number): Promise<ReadonlyMap<string, Received>>;
  /** What was refused by shop. */
  quarantined(): Promise<ReadonlyMap<string, readonly Quarantined[]>>;
  close(): Promise<void>;
}

/** Each shop gets a pipeline to the receiver. With hundreds of them a log on a disk takes a while, since each saves its own cursor. */
export async function openStage(shops: readonly object[], log: 'memory' | 'disk'): Promise<Stage> {
  const folder = temporaryFolder();
  const sink = await openSink();
  const errors: string[] = [];
  const isFault = (line: string): boolean => (JSON.parse(line) as { state?: string }).state !== 'failing';
  const logger = createLogger('error', { write: (line: string) => void (isFault(line) && errors.push(line)) });
  const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
  const destination = { type: 'webhook', url: sink.url, secret, allowPrivateNetworks: true };
  const config = { shops: shops.map((shop) => ({ ...shop, pipelines: [{ id: 'hook', destination }] })) };
  const env = {
    LOG_URL: log === 'disk' ? `lmdb:${folder.path}/log` : 'memory:',
    ADMIN_TOKEN,
    GEO_HEADERS: 'cloudflare',
  };
  const gateway = await gatewayWith(JSON.stringify(config), env, { logger });
  const { port } = gateway;
  return {
    port,
    errors,
    received: async (count) => {
      const found = new Map<string, Received>();
      const seen = new Set<string>();
      // On a busy machine a delivery times out and comes again, which receivers are told to expect.
      const isNew = ({ shop, event_id: id }: Event): boolean => seen.size < seen.add(`${shop} ${id}`).size;
      let read = 0;
      await until(() => {
        for (; read < sink.requests.length; read += 1) {
          const body = sink.requests[read]?.body ?? '';
          const { shop, events } = (exactly(body) as { data: { shop: string; events: Event[] } }).data;
          const received = entry(found, shop, () => ({ events: [], bodies: [] }));
          received.events.push(...events.filter(isNew));
          received.bodies.push(body);
        }
        return seen.size >= count;
      }, 60_000);
      return found;
    },
    quarantined: async () => {
      const found = new Map<string, Quarantined[]>();
      for (const one of await quarantineOf(port)) entry<Quarantined[]>(found, one.shop, () => []).push(one);
      return found;
    },
    close: async () => {
      await gateway.stop();
      await sink.close();
      folder.remove();
    },
  };
}

function entry<T>(entries: Map<string, T>, key: string, make: () => T): T {
  const found = entries.get(key) ?? make();
  entries.set(key, found);
  return found;
}

async function quarantineOf(port: number): Promise<Quarantined[]> {
  const headers = { authorization: `Bearer ${ADMIN_TOKEN}` };
  const { status, body } = await call(port, { method: 'GET', path: '/admin/export/quarantine', headers });
  if (status !== 200) throw new Error(`the quarantine could not be read: ${status} ${body}`);
  const lines = body.split('\n').filter(Boolean);
  return lines.map((line) => JSON.parse(line) as Quarantined);
}
