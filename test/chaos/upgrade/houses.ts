import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../../support/ports.ts';
import { ADMIN_TOKEN } from '../admin.ts';
import { type Gateway, startGateway } from '../gateway.ts';

export type Role = 'all' | 'web' | 'worker';

/** One process of one release. */
export interface Process extends Gateway {
  readonly role: Role;
  /** How long it took until it was ready, in milliseconds. */
  readonly readyMs: number;
  /** Megabytes of its own in memory now; pages of files, which the system may let go, aside. */
  memory(): number;
}

export interface Starter {
  /** Resolves when it is ready. */
  start(role: Role, entry: string, config: object): Promise<Process>;
  /** Why it does not start, in its own words; undefined where it does, and then it is ended. */
  refusal(role: Role, entry: string, config: object): Promise<string | undefined>;
}

const READY_MS = 120_000;
const REFUSED_MS = 30_000;

/** Starts processes of any release on one log, each in a folder of its own. */
export function starterOn(log: string, folder: string): Starter {
  let count = 0;
  const begin = async (role: Role, entry: string, config: object): Promise<Gateway> => {
    const own = join(folder, `process-${++count}-${role}`);
    mkdirSync(own);
    const environment = { LOG_URL: log, PROCESS: role, ADMIN_TOKEN };
    return startGateway({ entry, folder: own, port: await freePort(), config, environment });
  };
  return {
    async start(role, entry, config) {
      const gateway = await begin(role, entry, config);
      const readyMs = await gateway.ready(READY_MS);
      return { ...gateway, role, readyMs, memory: () => memoryOf(gateway.pid) };
    },
    async refusal(role, entry, config) {
      const gateway = await begin(role, entry, config);
      const words = await gateway.ready(REFUSED_MS).then(
        () => undefined,
        ({ message }: Error) => message,
      );
      await gateway.kill();
      return words;
    },
  };
}

function memoryOf(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Math.round(Number(/RssAnon:\s+(\d+) kB/.exec(status)?.[1] ?? 0) / 1024);
}
