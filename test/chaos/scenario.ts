import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { temporaryFolder } from '../support/folder.ts';
import { startPostgres } from '../support/postgres.ts';
import { freePort } from './children.ts';
import { exactly, type Finding } from './findings.ts';
import { built, type Gateway, startGateway } from './gateway.ts';
import { verdictTable } from './verdict-table.ts';

/** Options that every scenario has beside its own. */
export const commonOptions = {
  seed: { type: 'string', default: '1' },
  /** The gateway's main.js; built from the sources if absent. */
  entry: { type: 'string' },
  /** What the gateway runs on: lmdb, or a PostgreSQL of the scenario's own. */
  log: { type: 'string', default: 'lmdb' },
  /** Leave the folder with the log, the ledgers and the records. */
  keep: { type: 'boolean', default: false },
} as const;

export interface Stage {
  /** For the files of the scenario itself. */
  readonly files: string;
  /** Where the gateway listens. */
  readonly port: number;
  /** What the gateway has printed. */
  readonly output: string;
  /** Starts the gateway, always on the same log, and waits until it is ready. */
  start(config: object, environment?: Readonly<Record<string, string>>): Promise<Gateway>;
}

export interface Values {
  readonly entry?: string | undefined;
  readonly keep: boolean;
}

/** Plays a scenario with one gateway. */
export function play(
  values: Values & { readonly log: string },
  scenario: (stage: Stage) => Promise<readonly Finding[]>,
): Promise<never> {
  return judged(values, async (folder, entry) => {
    const log = await openLog(values.log, folder);
    try {
      return await scenario(await stageIn(folder, entry, log.url));
    } finally {
      await log.close();
    }
  });
}

/** Plays a scenario in a folder of its own and ends the process: 0 if every finding passed, else 1. */
export async function judged(
  { entry, keep }: Values,
  scenario: (folder: string, entry: string) => Promise<readonly Finding[]>,
): Promise<never> {
  const main = entry === undefined ? built() : resolve(entry);
  const temporary = temporaryFolder();
  const passed = await scenario(temporary.path, main).then(
    (findings) => {
      console.log(verdictTable(findings));
      return findings.every(({ passed }) => passed);
    },
    (error: unknown) => {
      console.error(error);
      return false;
    },
  );
  if (keep) console.log(`kept: ${temporary.path}`);
  else temporary.remove();
  process.exit(passed ? 0 : 1);
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
  return {
    files,
    port,
    output: join(folder, 'gateway.log'),
    async start(config, environment = {}) {
      const gateway = startGateway({ entry, folder, port, config, environment: { LOG_URL: log, ...environment } });
      console.log(`gateway ready after ${(await gateway.ready()).toFixed(0)} ms`);
      return gateway;
    },
  };
}

/** The last act of most scenarios: SIGTERM to a gateway at rest. */
export async function stopped(gateway: Gateway): Promise<Finding> {
  const begin = performance.now();
  const code = await gateway.stop();
  const ms = (performance.now() - begin).toFixed(0);
  return exactly('EXIT', `exit code at SIGTERM, after ${ms} ms`, code ?? -1, 0);
}
