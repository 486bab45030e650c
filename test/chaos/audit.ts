import { existsSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { isAnswer, judgeTold } from './answers.ts';
import { archived, archivedBytes } from './archive.ts';
import { ended, startScript } from './children.ts';
import { type Evidence, judge, type Received, type Route, type Verdict } from './judge.ts';
import { type Entry, ledgerOf, linesOf } from './ledger.ts';
import type { LoaderOptions } from './loader.ts';
import { pause } from './random.ts';
import type { Arrival } from './sink.ts';
import { destinationOf, pipelineOf, type Target } from './targets.ts';

export interface AuditOptions {
  /** Empty, and kept by the caller. */
  readonly folder: string;
  /** Where the gateway will listen. */
  readonly port: number;
  /** Its other servers, where it has some: a client that gets no answer from one tries the next. */
  readonly otherPorts?: readonly number[];
  readonly seed: number;
  readonly load: Omit<LoaderOptions, 'run' | 'ports' | 'ledger' | 'seed' | 'shops'>;
  /** Each of one of the two shops. Their sinks are the caller's. */
  readonly targets: readonly Target[];
  /** A file pipeline for the first shop. */
  readonly archive?: boolean;
}

/** A load, its destinations, and the judgement over both. It knows nothing of faults: what kills the gateway is the caller's. */
export interface Audit {
  /** What the gateway must be started with. */
  readonly config: object;
  /** The beginning of every event id. */
  readonly run: string;
  /** Where sinks write down what they get, and where the load writes what it sent. */
  readonly record: string;
  readonly ledger: string;
  startLoad(): void;
  /** How many events have been answered, give or take a hundred. */
  sent(): number;
  /** Resolves once every lane has ended, by itself or, with a signal, now. */
  loadEnded(signal?: 'SIGTERM'): Promise<void>;
  /** What has arrived up to now. */
  arrivals(): Arrived[];
  /** Requests that came to a destination while another was open, where that may not be. */
  beside(): string[];
  /** What came to a destination and was no event. */
  unreadable(): string[];
  /** Waits until everything acknowledged has arrived and nothing moves any more, or the time is over; then judges, also what the load was told. */
  verdict(limitMs: number, rules: Rules): Promise<Verdict>;
}

type Rules = Pick<Evidence, 'allowedDuplicates' | 'allowedRenamed' | 'excused' | 'ends'>;

/** An event as it came to a destination, and when. */
export type Arrived = Received & { readonly at: number };

export const shops = [
  { shop: 'one.myshopify.com', token: 'token-one' },
  { shop: 'two.myshopify.com', token: 'token-two' },
] as const;
/** The file pipeline. */
export const archive = { shop: shops[0].shop, pipeline: 'archive' };

export function startAudit(audited: AuditOptions): Audit {
  const { folder, port, otherPorts = [], seed, load, targets, archive: withArchive } = audited;
  mkdirSync(folder, { recursive: true });
  const run = `r${seed}`;
  const [ledger, record, archiveFolder] = ['ledger.ndjson', 'sink.ndjson', 'archive'].map((name) =>
    join(folder, name),
  ) as [string, string, string];
  const routes: Route[] = [...targets, ...(withArchive ? [archive] : [])].map((target) => ({
    shop: target.shop,
    destination: destinationOf(target),
  }));
  let loader: ReturnType<typeof startScript> | undefined;
  let answered = 0;
  const all = (): Arrival[] => [
    ...(existsSync(record) ? linesOf<Arrival>(record) : []),
    ...(withArchive ? archived(archiveFolder, destinationOf(archive)) : []),
  ];

  return {
    config: configOf(targets, withArchive ? archiveFolder : undefined),
    run,
    record,
    ledger,
    startLoad() {
      const ports = [port, ...otherPorts];
      const options: LoaderOptions = { run, ports, ledger, seed, shops: shopsOf(targets), ...load };
      loader = startScript(join(import.meta.dirname, 'loader.ts'), options);
      loader.on('message', (count) => {
        answered = Number(count);
      });
    },
    sent: () => answered,
    async loadEnded(signal) {
      if (!loader) return;
      const code = await ended(loader, signal);
      if (code !== 0)
        throw new Error(`expected the loader to end with 0, it ended with ${code}: its ledger is not complete`);
    },
    arrivals: () => all().filter(isEvent),
    beside: () => all().flatMap((one) => ('beside' in one ? [`${one.beside} at ${one.destination}`] : [])),
    unreadable: () => all().flatMap(wordsOf),
    async verdict(limitMs, rules) {
      const entries = linesOf<Entry>(ledger);
      const { sent, acked, refused } = ledgerOf(run, entries);
      const told = judgeTold(entries.filter(isAnswer));
      const look = () => {
        const came = all();
        const unreadable = came.flatMap(wordsOf);
        const verdict = judge({ routes, sent, acked, refused, received: came.filter(isEvent), unreadable, ...rules });
        const passed = verdict.passed && told.every((finding) => finding.passed);
        return { ...verdict, passed, findings: [...verdict.findings, ...told] };
      };
      const bytes = () =>
        (existsSync(record) ? statSync(record).size : 0) + (withArchive ? archivedBytes(archiveFolder) : 0);
      return quiet(look, bytes, limitMs);
    },
  };
}

const wordsOf = (arrival: Arrival): string[] => ('unreadable' in arrival ? [arrival.unreadable] : []);

const isEvent = (arrival: Arrival): arrival is Arrived => 'id' in arrival;

/** Only the shops that have a pipeline get events. */
const shopsOf = (targets: readonly Target[]) =>
  shops.filter(({ shop }) => targets.some((target) => target.shop === shop));

function configOf(targets: readonly Target[], archiveFolder: string | undefined): object {
  const file = { id: archive.pipeline, destination: { type: 'file', directory: archiveFolder } };
  return {
    shops: shopsOf(targets).map(({ shop, token }) => ({
      shop,
      tokens: [token],
      pipelines: [
        ...targets.filter((target) => target.shop === shop).map(pipelineOf),
        ...(archiveFolder !== undefined && shop === archive.shop ? [file] : []),
      ],
    })),
  };
}

/** Looks until nothing is lost and nothing more arrives, so that late repeats are seen too. A look takes long; `bytes` says whether it is worth it. */
async function quiet(look: () => Verdict, bytes: () => number, limitMs: number): Promise<Verdict> {
  const deadline = performance.now() + limitMs;
  let seen: { readonly bytes: number; readonly verdict: Verdict } | undefined;
  for (let before = -1; ; ) {
    const now = bytes();
    if (now === before && seen?.bytes !== now) seen = { bytes: now, verdict: look() };
    const complete = seen?.verdict.findings.every(({ name, count }) => name !== 'LOST' || count === 0);
    if (seen && complete && bytes() === seen.bytes) return seen.verdict;
    if (performance.now() > deadline) return look();
    before = now;
    await pause(1000);
  }
}
