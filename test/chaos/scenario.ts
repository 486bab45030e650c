import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { temporaryFolder } from '../support/folder.ts';
import { freePort } from './children.ts';
import { exactly, type Finding } from './findings.ts';
import { built, type Gateway, startGateway } from './gateway.ts';
import { verdictTable } from './verdict-table.ts';

/** Options that every scenario has beside its own. */
export const commonOptions = {
  seed: { type: 'string', default: '1' },
  /** The gateway's main.js; built from the sources if absent. */
  entry: { type: 'string' },
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

/** Plays a scenario in a folder of its own and ends the process: 0 if every finding passed, else 1. */
export async function play(
  { entry, keep }: { readonly entry?: string | undefined; readonly keep: boolean },
  scenario: (stage: Stage) => Promise<readonly Finding[]>,
): Promise<never> {
  const main = entry === undefined ? built() : resolve(entry);
  const temporary = temporaryFolder();
  const passed = await scenario(await stageIn(temporary.path, main)).then(
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

async function stageIn(folder: string, entry: string): Promise<Stage> {
  const port = await freePort();
  const files = join(folder, 'audit');
  mkdirSync(files);
  return {
    files,
    port,
    output: join(folder, 'gateway.log'),
    async start(config, environment = {}) {
      const gateway = startGateway({ entry, folder, port, config, environment });
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
