import { temporaryFolder } from './folder.ts';
import { type Postgres, startPostgres } from './postgres.ts';

/** A kind of log that the gateway runs on. Between `start` and `stop` it gives fresh, empty logs by their LOG_URL. */
export interface LogKind {
  readonly name: string;
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
  let server: Postgres | undefined;
  return {
    name: 'PostgreSQL',
    start: async () => {
      server = await startPostgres();
    },
    fresh: async () => {
      if (server === undefined) throw new Error('start it first');
      return server.createDatabase();
    },
    stop: async () => server?.stop(),
  };
}
