import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { ended, firstMessage, startNode } from '../chaos/children.ts';
import { type Gateway, startGateway } from '../chaos/gateway.ts';
import { freePort } from '../support/ports.ts';
import { startPostgres } from '../support/postgres.ts';
import type { LoadOptions, LoadResult } from './load.ts';

/** The server that is measured has core 0 for itself; load, sinks and the benchmark share core 1. */
export const serverCore = 0;
export const loadCore = 1;

export const shop = 'bench.myshopify.com';
export const token = 'bench-token';

/** A server under measurement. */
export interface Subject {
  readonly pid: number;
  readonly port: number;
}

/** Starts the ceiling; resolves when it listens. It is killed when this process exits. */
export async function startCeiling(): Promise<Subject> {
  const port = await freePort();
  const child = startNode(['--import', 'tsx', join(import.meta.dirname, 'ceiling.ts')], {
    core: serverCore,
    environment: { PORT: String(port), NODE_ENV: 'production' },
  });
  await firstMessage(child);
  return { pid: child.pid ?? 0, port };
}

/** Where the gateways under measurement keep their log: an LMDB folder of their own, or a fresh database of one PostgreSQL. */
let freshLog: (() => Promise<string>) | undefined;

/** Has every gateway from now on keep its log in PostgreSQL, which shares the machine's cores; gives what ends it. */
export async function keepLogsInPostgres(): Promise<() => Promise<void>> {
  const postgres = await startPostgres({ settings: { max_wal_size: '4GB' } });
  freshLog = () => postgres.createDatabase();
  return () => postgres.stop();
}

export interface BenchGateway {
  readonly entry: string;
  readonly folder: string;
  readonly pipelines: readonly object[];
  readonly nodeArguments?: readonly string[];
}

/** Starts a gateway with one shop; resolves when it is ready. */
export async function startBenchGateway({ pipelines, ...options }: BenchGateway): Promise<Gateway> {
  const gateway = startGateway({
    ...options,
    port: await freePort(),
    core: serverCore,
    config: { shops: [{ shop, tokens: [token], pipelines }] },
    // A long run must not meet the end of the log's size: then retention would be measured, too.
    environment: { LOG_MAX_BYTES: String(200 * 1024 ** 3), ...(freshLog && { LOG_URL: await freshLog() }) },
  });
  await gateway.ready(60_000);
  return gateway;
}

/** Loads a server from a process of its own and gives what it saw. */
export async function runLoad(options: LoadOptions): Promise<LoadResult> {
  const child = startNode(['--import', 'tsx', join(import.meta.dirname, 'load.ts'), JSON.stringify(options)], {
    core: loadCore,
  });
  if (!child.stdout) throw new Error('expected the load generator to have an output');
  const [output, code] = await Promise.all([text(child.stdout), ended(child)]);
  if (code !== 0) throw new Error(`expected the load generator to end with 0, it ended with ${code}`);
  return JSON.parse(output) as LoadResult;
}

/** Runs with a fresh folder on the project's disk: a temporary folder in memory would make durability free. */
export async function withFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const data = resolve(import.meta.dirname, '../../data');
  mkdirSync(data, { recursive: true });
  const folder = mkdtempSync(join(data, 'bench-'));
  try {
    return await work(folder);
  } catch (error) {
    const log = join(folder, 'gateway.log');
    const words = existsSync(log) ? readFileSync(log, 'utf8').slice(-1000) : 'nothing';
    throw new Error(`the measurement broke off; the gateway's last words: ${words}`, { cause: error });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
