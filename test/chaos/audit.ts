import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { archived } from './archive.ts';
import { ended, firstMessage, freePort, startNode } from './children.ts';
import { judge, type Received, type Route, type Verdict } from './judge.ts';
import { type Entry, ledgerOf, linesOf } from './ledger.ts';
import type { LoaderOptions } from './loader.ts';
import type { Arrival, SinkOptions } from './sink.ts';

export interface AuditOptions {
  /** Empty, and kept by the caller. */
  readonly folder: string;
  /** Where the gateway will listen. */
  readonly port: number;
  readonly seed: number;
  readonly lanes: number;
  readonly batch: number;
  /** Events per second. */
  readonly rate: number;
}

/** A load, its destinations, and the judgement over both. It knows nothing of faults: what kills the gateway is the caller's. */
export interface Audit {
  /** What the gateway must be started with. */
  readonly config: object;
  startLoad(): void;
  /** Resolves once every lane has ended. */
  stopLoad(): Promise<void>;
  /** Waits until everything acknowledged has arrived and nothing moves any more, or the time is over; then judges. */
  verdict(limitMs: number, allowedDuplicates: number): Promise<Verdict>;
  close(): Promise<void>;
}

const shops = [
  { shop: 'one.myshopify.com', token: 'token-one' },
  { shop: 'two.myshopify.com', token: 'token-two' },
] as const;
/** No secret at all: it never leaves this machine. */
const secret = `whsec_${Buffer.from('webhook-secret-of-this-audit-000').toString('base64')}`;
const archiveOf = (folder: string) => join(folder, 'archive');

export async function startAudit({ folder, port, seed, lanes, batch, rate }: AuditOptions): Promise<Audit> {
  mkdirSync(folder, { recursive: true });
  const run = `r${seed}`;
  const ledger = join(folder, 'ledger.ndjson');
  const record = join(folder, 'sink.ndjson');
  const sinkPort = await freePort();
  const sink = startScript(join(import.meta.dirname, 'sink.ts'), {
    port: sinkPort,
    record,
    holdMs: 10,
    failEvery: 0,
  } satisfies SinkOptions);
  await firstMessage(sink);
  let loader: ReturnType<typeof startNode> | undefined;

  return {
    config: configOf(sinkPort, folder),
    startLoad() {
      const options: LoaderOptions = { run, port, ledger, seed, shops, lanes, batch, rate };
      loader = startScript(join(import.meta.dirname, 'loader.ts'), options);
    },
    async stopLoad() {
      if (!loader) return;
      const code = await ended(loader, 'SIGTERM');
      if (code !== 0)
        throw new Error(`expected the loader to end with 0, it ended with ${code}: its ledger is not complete`);
    },
    async verdict(limitMs, allowedDuplicates) {
      const { sent, acked, refused } = ledgerOf(run, linesOf<Entry>(ledger));
      const look = () => {
        const arrivals = [...recorded(record), ...archived(archiveOf(folder), 'one.myshopify.com/archive')];
        const received = arrivals.filter((arrival): arrival is Received & { at: number } => 'id' in arrival);
        const unreadable = arrivals.flatMap((arrival) => ('unreadable' in arrival ? [arrival.unreadable] : []));
        return judge({ routes, sent, acked, refused, received, unreadable, allowedDuplicates });
      };
      return quiet(look, limitMs);
    },
    async close() {
      await ended(sink, 'SIGKILL');
    },
  };
}

const routes: readonly Route[] = [
  { shop: 'one.myshopify.com', destination: 'one.myshopify.com/hook' },
  { shop: 'one.myshopify.com', destination: 'one.myshopify.com/archive' },
  { shop: 'two.myshopify.com', destination: 'two.myshopify.com/hook' },
];

function configOf(sinkPort: number, folder: string): object {
  const hook = (shop: string) => ({
    id: 'hook',
    events: ['*'],
    destination: {
      type: 'webhook',
      url: `http://127.0.0.1:${sinkPort}/${shop}/hook`,
      secret,
      allowPrivateNetworks: true,
    },
  });
  const archive = { id: 'archive', events: ['*'], destination: { type: 'file', directory: archiveOf(folder) } };
  const [one, two] = shops;
  return {
    shops: [
      { shop: one.shop, tokens: [one.token], pipelines: [hook(one.shop), archive] },
      { shop: two.shop, tokens: [two.token], pipelines: [hook(two.shop)] },
    ],
  };
}

const recorded = (record: string): Arrival[] => (existsSync(record) ? linesOf<Arrival>(record) : []);

/** Looks until nothing is lost and two looks agree, so that late repeats are seen too. */
async function quiet(look: () => Verdict, limitMs: number): Promise<Verdict> {
  const deadline = performance.now() + limitMs;
  for (let before = look(); ; ) {
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const now = look();
    const complete = now.findings.every(({ name, count }) => name !== 'LOST' || count === 0);
    if ((complete && now.received === before.received) || performance.now() > deadline) return now;
    before = now;
  }
}

const startScript = (file: string, options: object) => startNode(['--import', 'tsx', file, JSON.stringify(options)]);
