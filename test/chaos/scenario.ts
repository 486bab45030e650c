import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { built } from '../support/built.ts';
import { temporaryFolder } from '../support/folder.ts';
import { freePort } from '../support/ports.ts';
import { startPostgres } from '../support/postgres.ts';
import { endAll } from './children.ts';
import { exactly, type Finding } from './findings.ts';
import { type Gateway, startGateway } from './gateway.ts';
import { NotRun } from './not-run.ts';
import { verdictTable } from './verdict-table.ts';

/** Options that every scenario has beside its own. */
export const commonOptions = {
  seed: { type: 'string', default: '1' },
  /** The gateway's main.js; built from the sources if absent. */
  entry: { type: 'string' },
  /** Leave the folder with the log, the ledgers and the records. */
  keep: { type: 'boolean', default: false },
  /** A file for the result, for a program that plays several scenarios. */
  result: { type: 'string' },
} as const;

/** The same, where the log may be either. */
export const logOptions = {
  ...commonOptions,
  /** What the gateway runs on: lmdb, or a PostgreSQL of the scenario's own. */
  log: { type: 'string', default: 'lmdb' },
} as const;

/** How a scenario ended, as its file of results has it. */
export interface Result {
  readonly verdict: 'passed' | 'failed' | 'not run';
  /** What was missing, or what broke off. */
  readonly why?: string;
  readonly findings: readonly Finding[];
}

export interface Stage {
  /** For the files of the scenario itself. */
  readonly files: string;
  /** Where the gateway listens. */
  readonly port: number;
  /** What the gateway has printed. */
  readonly output: string;
  /** How long each start took until it was ready. */
  readonly readyMs: readonly number[];
  /** When gateways ended, in milliseconds since 1970. */
  readonly ends: readonly number[];
  /** Starts the gateway, always on the same log, and waits until it is ready. `at`: a port for one beside it, where a log has several. */
  start(config: object, environment?: Readonly<Record<string, string>>, at?: number): Promise<Gateway>;
}

export interface Values {
  readonly entry?: string | undefined;
  readonly keep: boolean;
  readonly result?: string | undefined;
}

/** Plays a scenario with one gateway. */
export function play(
  values: Values & { readonly log: string },
  scenario: (stage: Stage) => Promise<readonly Finding[]>,
): Promise<never> {
  return judged(values, (folder, entry) => onStage(folder, entry, values.log, scenario));
}

/** A gateway's folder, port and empty log for as long as a scenario takes. */
export async function onStage(
  folder: string,
  entry: string,
  kind: string,
  scenario: (stage: Stage) => Promise<readonly Finding[]>,
): Promise<readonly Finding[]> {
  const log = await openLog(kind, folder);
  try {
    return await scenario(await stageIn(folder, entry, log.url));
  } finally {
    await log.close();
  }
}

/** Plays a scenario in a folder of its own and ends the process: 0 if every finding passed, 2 if it could not run here, else 1. */
export async function judged(
  { entry, keep, result: file }: Values,
  scenario: (folder: string, entry: string) => Promise<readonly Finding[]>,
): Promise<never> {
  const temporary = temporaryFolder();
  const result = await resultOf(() => scenario(temporary.path, entry === undefined ? built() : resolve(entry)));
  if (result.why !== undefined) console.error(`${result.verdict}: ${result.why}\n${lastWords(temporary.path)}`);
  else console.log(verdictTable(result.findings));
  if (file !== undefined) writeFileSync(file, JSON.stringify(result));
  // Where it broke off somebody may still write into the folder.
  await endAll();
  if (keep) console.log(`kept: ${temporary.path}`);
  else removed(temporary);
  process.exit({ passed: 0, failed: 1, 'not run': 2 }[result.verdict]);
}

/** What gateways printed last, where a scenario broke off: one of them may have ended. */
function lastWords(folder: string): string {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('gateway.log'),
  );
  return files.map((file) => `${file}: ${readFileSync(join(folder, file), 'utf8').slice(-2000)}`).join('\n');
}

/** A folder that cannot be removed, such as one with a disk in it, says nothing of the gateway. */
function removed({ path, remove }: ReturnType<typeof temporaryFolder>): void {
  try {
    remove();
  } catch (error) {
    console.error(`left behind: ${path}: ${error}`);
  }
}

async function resultOf(scenario: () => Promise<readonly Finding[]>): Promise<Result> {
  try {
    const findings = await scenario();
    if (findings.length === 0) throw new Error('expected findings, got none: nothing was played');
    return { verdict: findings.every(({ passed }) => passed) ? 'passed' : 'failed', findings };
  } catch (error) {
    if (error instanceof NotRun) return { verdict: 'not run', why: error.message, findings: [] };
    return { verdict: 'failed', why: error instanceof Error ? `${error.stack}` : String(error), findings: [] };
  }
}

/** An empty log for one run. That on PostgreSQL is gone with it, whatever is kept. */
async function openLog(kind: string, folder: string): Promise<{ readonly url: string; close(): Promise<void> }> {
  if (kind === 'lmdb') return { url: `lmdb:${join(folder, 'log')}`, close: async () => {} };
  if (kind !== 'postgres') throw new Error(`--log must be lmdb or postgres, got ${kind}`);
  const postgres = await startPostgres();
  return { url: await postgres.createDatabase(), close: postgres.stop };
}

async function stageIn(folder: string, entry: string, log: string): Promise<Stage> {
  const port = await freePort();
  const files = join(folder, 'audit');
  mkdirSync(files);
  const readyMs: number[] = [];
  const ends: number[] = [];
  return {
    files,
    port,
    output: join(folder, 'gateway.log'),
    readyMs,
    ends,
    async start(config, environment = {}, at = port) {
      const all = { LOG_URL: log, ...environment };
      const gateway = startGateway({ entry, folder, port: at, config, environment: all, ends });
      const ms = await gateway.ready().catch(async (error: unknown) => {
        // Nobody else has it in hand.
        await gateway.kill();
        throw error;
      });
      readyMs.push(ms);
      console.log(`gateway ready after ${ms.toFixed(0)} ms`);
      return gateway;
    },
  };
}

/** A gateway that has not finished by itself exits with 0 after 25 s all the same. */
const LATE_MS = 20_000;
const NEVER_MS = 30_000;

/** The last act of most scenarios: SIGTERM to a gateway at rest. */
export async function stopped(gateway: Gateway): Promise<Finding> {
  const begin = performance.now();
  const never = setTimeout(() => void gateway.kill(), NEVER_MS);
  const code = await gateway.stop();
  clearTimeout(never);
  const ms = performance.now() - begin;
  const exit = exactly('EXIT', `exit code at SIGTERM, after ${ms.toFixed(0)} ms`, code ?? -1, 0);
  return { ...exit, passed: exit.passed && ms <= LATE_MS };
}
