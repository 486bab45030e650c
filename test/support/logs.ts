import type { Durability } from '../../adapters/logs/log.ts';
import { temporaryFolder } from './folder.ts';
import { sharedPostgres } from './postgres-shared.ts';

/** A kind of log that the gateway runs on. Between `start` and `stop` it gives empty logs by their LOG_URL, one after the other. */
export interface LogKind {
  readonly name: string;
  /** What it says of itself: the PostgreSQL of the tests runs without fsync. */
  readonly durability: Durability;
  start(): Promise<void>;
  fresh(): Promise<string>;
  stop(): Promise<void>;
}

/** The logs that promise durability: what is shown end to end is shown on each. */
export const logKinds = (): readonly LogKind[] => [lmdb(), postgres()];

function lmdb(): LogKind {
  const folders: { path: string; remove: () => void }[] = [];
  return {
    name: 'LMDB',
    durability: 'disk',
    start: async () => {},
    fresh: async () => {
      const folder = temporaryFolder();
      folders.push(folder);
      return `lmdb:${folder.path}/log`;
    },
    stop: async () => {
      for (const folder of folders) folder.remove();
    },
  };
}

function postgres(): LogKind {
  let url: string | undefined;
  return {
    name: 'PostgreSQL',
    durability: 'ephemeral',
    start: async () => {},
    fresh: async () => {
      const shared = await sharedPostgres();
      if (url === undefined) url = await shared.createDatabase();
      else await shared.emptyLog(url);
      return url;
    },
    stop: async () => {},
  };
}
