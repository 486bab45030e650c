import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { appendFileSync, closeSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from './ports.ts';
import { environment } from './postgres-binaries.ts';
import { type Databases, databasesAt } from './postgres-databases.ts';
import { copyData, type Home, postgresHome } from './postgres-home.ts';
import { alive, family, signal } from './processes.ts';
import { until } from './until.ts';

export interface PostgresOptions {
  /** Lines of postgresql.conf, such as `{ fsync: 'off' }`; `ALTER SYSTEM` can change them later. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly port?: number;
  /** Whether its data may live in memory. Making and dropping databases on a disk takes more time than most tests of them. */
  readonly inMemory?: boolean;
}

/** A PostgreSQL of its own. */
export interface Postgres extends Databases {
  /** Its data folder. */
  readonly data: string;
  /** Starts it on the same data folder and port, if it does not run, and waits until it accepts connections. */
  start(): Promise<void>;
  /** An orderly shutdown that keeps the data, for an outage that `start` ends. Clients are told, and cut. */
  shutDown(): Promise<void>;
  /** An orderly shutdown, and a start. */
  restart(): Promise<void>;
  /** A crash: SIGKILL to all its processes at once. What was written is still in the system's cache. */
  kill(): Promise<void>;
  /** The same, with something that happens while all of them stand still already. */
  killAfter(happens: () => void): Promise<void>;
  /** Stops all its processes where they are: connections stay open and nothing answers. */
  pause(): void;
  resume(): void;
  /** What it printed since it was made. */
  log(): string;
  /** Ends it and removes its data. */
  stop(): Promise<void>;
}

/** A fresh PostgreSQL on a port of 127.0.0.1. It dies with the process of the tests, however that ends. */
export async function startPostgres(options: PostgresOptions = {}): Promise<Postgres> {
  const home = await postgresHome();
  return startIn(home, home.folder(options.inMemory), options);
}

/** A fresh PostgreSQL in a folder of the home, or nothing left of it. */
export async function startIn(
  home: Home,
  folder: string,
  { settings = {}, port, release }: PostgresOptions & Pick<Place, 'release'>,
): Promise<Postgres> {
  const data = join(folder, 'data');
  await copyData(home.pristine, data, home);
  const lines = Object.entries({ ...defaults, ...settings }).map(([name, value]) => `${name} = ${quoted(value)}\n`);
  appendFileSync(join(data, 'postgresql.conf'), `\n${lines.join('')}`);
  return started(postgresOn(home, { folder, port: port ?? (await freePort()), release }));
}

/** Started, or removed again. */
export async function started<P extends Postgres>(postgres: P): Promise<P> {
  try {
    await postgres.start();
    return postgres;
  } catch (error) {
    await postgres.stop();
    throw error;
  }
}

const defaults = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '100',
  // In the data folder rather than in /dev/shm, where a crash would leave it behind.
  dynamic_shared_memory_type: 'mmap',
};

/** As postgresql.conf and SQL want a text. */
export const quoted = (value: string): string => `'${value.replaceAll("'", "''")}'`;

export interface Place {
  /** Holds the data in `data`, and beside them what it prints and its process. */
  readonly folder: string;
  readonly port: number;
  /** Called before the folder is removed. */
  readonly release?: (() => void) | undefined;
}

/** A PostgreSQL on a data folder that is there, not started yet. */
export function postgresOn(home: Home, { folder, port, release = () => {} }: Place): Postgres {
  const data = join(folder, 'data');
  const printed = join(folder, 'log');
  const pidFile = join(folder, 'pid');
  appendFileSync(printed, '');
  let running: ChildProcess | undefined;

  const databases = databasesAt(port);
  const log = () => readFileSync(printed, 'utf8');

  const spawnServer = (): ChildProcess => {
    const output = openSync(printed, 'a');
    const server = spawn(home.postgres, ['-D', data, '-p', String(port)], {
      ...home.account,
      env: environment,
      cwd: '/',
      detached: true,
      stdio: ['ignore', output, output],
    });
    closeSync(output);
    writeFileSync(pidFile, String(server.pid));
    server.unref();
    server.once('exit', () => {
      running = undefined;
      rmSync(pidFile, { force: true });
    });
    return server;
  };
  const start = async (): Promise<void> => {
    const before = log().length;
    const found = running;
    running ??= spawnServer();
    const ready = () => answers(databases);
    await until(async () => !running || (await ready()), 30_000).catch(() => undefined);
    if (running && (await ready())) return;
    // What ran was on its way out, as after a full disk.
    if (found && !running) return start();
    throw new Error(
      `PostgreSQL should accept connections on port ${port} within 30 s, and ${running ? 'does not' : 'ended'}. ` +
        `It printed:\n${log().slice(before)}\nMend its settings, or what it complains about, and start it again.`,
    );
  };
  const end = async (name: NodeJS.Signals) => {
    if (!running?.pid) return;
    const pids = family(running.pid);
    signal(pids, 'SIGCONT');
    signal([running.pid], name);
    await until(() => !running && alive(pids).length === 0);
  };
  const killAfter = async (happens: () => void) => {
    if (!running?.pid) return happens();
    // Stopped first, so that it neither starts a process nor restarts itself while it is looked at.
    signal([running.pid], 'SIGSTOP');
    const pids = family(running.pid);
    signal(pids, 'SIGSTOP');
    const segment = sharedMemoryOf(data);
    happens();
    signal(pids, 'SIGKILL');
    await until(() => !running && alive(pids).length === 0);
    if (segment !== undefined) spawnSync('ipcrm', ['-m', segment]);
  };

  return {
    ...databases,
    data,
    log,
    start,
    kill: () => killAfter(() => {}),
    killAfter,
    shutDown: () => end('SIGINT'),
    async restart() {
      await end('SIGINT');
      await start();
    },
    pause: () => {
      if (running?.pid) signal(family(running.pid), 'SIGSTOP');
    },
    resume: () => {
      if (running?.pid) signal(family(running.pid), 'SIGCONT');
    },
    async stop() {
      // Nobody reads its data again, so it need not write them down.
      await end('SIGQUIT');
      release();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/**
 * A killed PostgreSQL leaves a segment of System V's shared memory, by which the next one sees whether processes are
 * left. The system keeps it beyond the folder and the tests; a machine that crashes loses it too.
 */
function sharedMemoryOf(data: string): string | undefined {
  try {
    const [, segment] = readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n')[6]?.trim().split(/\s+/) ?? [];
    return segment;
  } catch {
    // It has not come so far yet, or its disk is dead.
    return undefined;
  }
}

const answers = ({ query }: Databases): Promise<boolean> =>
  query('postgres', 'SELECT 1').then(
    () => true,
    () => false,
  );
