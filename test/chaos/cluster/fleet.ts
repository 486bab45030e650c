import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ADMIN_TOKEN } from '../admin.ts';
import { ended, startNode } from '../children.ts';
import { type Gateway, startGateway } from '../gateway.ts';
import { pause } from '../random.ts';
import type { RentedDatabase } from './database.ts';
import type { Gone } from './moves.ts';

/** A place for a process, which has the same port whenever it is started. */
export interface Member {
  readonly name: string;
  readonly kind: 'web' | 'worker';
  readonly port: number;
}

/** Processes on one database. */
export interface Fleet {
  /** Those that were killed or suspended, from the first. */
  readonly gone: readonly Gone[];
  /** What a platform runs before a new version is started; it ends by itself. */
  release(): Promise<void>;
  /** Resolves when it is ready. */
  start(member: Member): Promise<void>;
  kill(member: Member): Promise<void>;
  /** Stops it where it is, as a machine does that has no time for it, and lets it go on later. */
  suspend(member: Member, ms: number): Promise<void>;
  /** SIGTERM; gives the exit code. */
  stop(member: Member): Promise<number | null>;
}

export interface FleetOptions {
  /** For what its processes print. */
  readonly folder: string;
  readonly entry: string;
  readonly config: object;
  readonly database: RentedDatabase;
  readonly environment: Readonly<Record<string, string>>;
}

const READY_MS = 40_000;

export function fleetOf({ folder, entry, config, database, environment }: FleetOptions): Fleet {
  const running = new Map<string, { readonly gateway: Gateway; readonly process: string }>();
  const gone: Gone[] = [];
  let starts = 0;
  const runningAs = ({ name }: Member) => {
    const found = running.get(name);
    if (found === undefined) throw new Error(`expected ${name} to run, it does not`);
    return found;
  };
  const ending = (member: Member) => {
    const found = runningAs(member);
    running.delete(member.name);
    return found;
  };
  return {
    gone,
    async release() {
      const child = startNode([join(dirname(entry), 'release.js')], {
        environment: { LOG_URL: database.urlFor('release'), GATEWAY_CONFIG: JSON.stringify(config) },
        output: join(folder, 'release.log'),
      });
      const code = await ended(child);
      if (code !== 0) throw new Error(`expected the release to end with 0, it ended with ${code}`);
    },
    async start(member) {
      const { name, kind, port } = member;
      const process = `${name}.${++starts}`;
      const own = join(folder, name);
      mkdirSync(own, { recursive: true });
      const gateway = startGateway({
        entry,
        folder: own,
        port,
        config,
        environment: { ...environment, PROCESS: kind, ADMIN_TOKEN, LOG_URL: database.urlFor(process) },
      });
      running.set(name, { gateway, process });
      const ms = await gateway.ready(READY_MS);
      console.log(`${name} ready after ${ms.toFixed(0)} ms`);
    },
    async kill(member) {
      const { gateway, process } = ending(member);
      gone.push({ process, at: Date.now() });
      await gateway.kill();
    },
    async suspend(member, ms) {
      const found = runningAs(member);
      gone.push({ process: found.process, at: Date.now() });
      process.kill(found.gateway.pid, 'SIGSTOP');
      await pause(ms);
      process.kill(found.gateway.pid, 'SIGCONT');
    },
    stop: (member) => ending(member).gateway.stop(),
  };
}
