import { randomUUID } from 'node:crypto';
import { endedByClose } from '../closing.ts';
import { type Durability, LogUnusable, type Position } from '../log.ts';
import type { Store, StoreOptions } from '../store.ts';
import { type Ask, Connection, TELL } from './database.ts';
import { refuseUnfit } from './fitness.ts';
import { FORMAT, formOf } from './format.ts';
import { Leases } from './leases.ts';
import { PostgresLog } from './log.ts';
import { migrate } from './migrate.ts';
import { PostgresQuarantine } from './quarantine.ts';
import { SCHEMA } from './schema.ts';
import { stateIn } from './state.ts';
import { configOf } from './url.ts';

/** How often changes are polled in case a notification is lost, and a commit is tried after one failed. */
const POLL_MS = 1000;
const ROOM_WAIT_MS = 30_000;
const ROOM_POLL_MS = 500;
const TOLD_AT_ONCE = 100;
const LEASES = 'leases';

/**
 * Opens the log in a PostgreSQL database, after migrating it. Any number of processes may have it open. Throws if the database cannot be
 * reached, was migrated by a version that this one cannot work with, or has no room for this process's connections.
 */
export async function openPostgres(url: string, options: StoreOptions): Promise<Store> {
  const { process: kind, databaseTimeouts: timeouts } = options;
  const config = configOf(url, options.encrypt, `headless-events ${kind}`);
  await whenConnected(() => refuseUnfit(config, options.retentionDays), ROOM_WAIT_MS);
  let hear = (_message: string): void => {};
  const home = new Connection(config, { hear: (message) => hear(message), timeouts });
  // A process that moves pipelines reads and saves on separate connections, and does everything else on a third, so that no heartbeat waits.
  const side = kind === 'web' ? home : new Connection(config, { timeouts });
  const mover = kind === 'web' ? home : new Connection(config, { timeouts });
  const writer = kind === 'worker' ? mover : new Connection(config, { timeouts });
  const all = [...new Set([writer, mover, side, home])];
  const connections = all.length;
  const me = randomUUID();
  try {
    await whenConnected(() => home.transaction((ask) => migrate(ask)), ROOM_WAIT_MS);
    await findRoom(home, { me, kind, connections, budget: options.connections, waitMs: ROOM_WAIT_MS });
    // Opens all connections before the first request needs them.
    await whenConnected(() => Promise.all(all.map(({ ask }) => ask('select 1'))), ROOM_WAIT_MS);
    const tell = teller(home.ask);
    const durability = await durabilityOf(home.ask);
    const form = await formOf(side.ask);
    const log = new PostgresLog({ writer, reader: mover, side, durability, form, options, onNewest: tell.newest });
    await log.ensureDays();
    const leases = new Leases({ me, kind, connections, home, saver: mover, tell: tell.leases });
    const quarantine = new PostgresQuarantine(side.ask, options);
    hear = (message) => heard(message, log, leases);
    const poll = setInterval(() => {
      log.tryAgain();
      void askAfter(home.ask, log);
      void form.follow();
      quarantine.limit(log.takeRefusing()).catch(() => {});
    }, POLL_MS);
    return endedByClose({
      log,
      state: stateIn(side.ask, { leases, quarantine, tellLeases: tell.leases }, options),
      databaseBytes: async () => Number((await side.ask(DATABASE_SIZE))[0]?.bytes),
      close: async () => {
        clearInterval(poll);
        await log.close();
        await quarantine.close();
        await tell.close();
        await leases.close();
        await closeAll(all);
      },
    });
  } catch (error) {
    await closeAll(all);
    throw error;
  }
}

const DATABASE_SIZE = 'select pg_database_size(current_database()) as bytes';

const closeAll = (connections: readonly Connection[]) => Promise.all(connections.map((one) => one.close()));

function heard(message: string, log: PostgresLog, leases: Leases): void {
  if (message === LEASES) leases.beat();
  else for (const [shop, newest] of JSON.parse(message) as [string, Position][]) log.grown(shop, newest);
}

/** Runs the missing migrations; gives their names. */
export async function migratePostgres(url: string, encrypt: boolean): Promise<string[]> {
  const config = configOf(url, encrypt, 'headless-events release');
  await whenConnected(() => refuseUnfit(config), ROOM_WAIT_MS);
  const connection = new Connection(config);
  try {
    return await whenConnected(() => connection.transaction((ask) => migrate(ask)), ROOM_WAIT_MS);
  } finally {
    await connection.close();
  }
}

/**
 * Notifies other processes of changes. Not in the transaction of an append: a notification takes a lock that all processes share until their
 * commit is on the disk. Lost notifications are made up for by polling.
 */
function teller(ask: Ask) {
  let newest = new Map<string, Position>();
  let telling: Promise<void> | undefined;
  const run = async (): Promise<void> => {
    while (newest.size > 0) {
      const told = [...newest].slice(0, TOLD_AT_ONCE);
      for (const [shop] of told) newest.delete(shop);
      await ask(TELL, [JSON.stringify(told)]).catch(() => {
        newest = new Map();
      });
    }
    telling = undefined;
  };
  return {
    newest: (more: ReadonlyMap<string, Position>) => {
      for (const [shop, position] of more) newest.set(shop, position);
      telling ??= run();
    },
    leases: () => {
      ask(TELL, [LEASES]).catch(() => {});
    },
    close: async () => telling,
  };
}

async function askAfter(ask: Ask, log: PostgresLog): Promise<void> {
  const shops = log.awaited;
  if (shops.length === 0) return;
  const rows = await ask(`select name, newest from ${SCHEMA}.shops where name = any($1)`, [shops]).catch(() => []);
  for (const { name, newest } of rows) log.grown(String(name), Number(newest));
}

/** Failures that usually pass: what the database lacks, and what to do if it stays so. */
const PASSING: Readonly<Record<string, readonly [lack: string, remedy: string]>> = {
  '53300': [
    'have a connection left for this process, and for # s it had none',
    'Run fewer processes, end other clients of it, or raise its max_connections.',
  ],
  '55P03': [
    'let its tables be changed, and for # s others read them without a pause',
    'Let the backup or the open transaction end that reads them, and start again.',
  ],
};

/** Runs work that needs a new connection or a lock as soon as PostgreSQL has one: during a deploy the old processes are leaving. */
export async function whenConnected<T>(work: () => Promise<T>, waitMs: number): Promise<T> {
  for (let waitedMs = 0; ; waitedMs += ROOM_POLL_MS) {
    try {
      return await work();
    } catch (error) {
      const { cause, message } = error as Error & { cause?: { code?: string } };
      const passing = PASSING[cause?.code ?? ''];
      if (passing === undefined) throw error;
      const [lack, remedy] = passing;
      if (waitedMs >= waitMs)
        throw new LogUnusable(`the database must ${lack.replace('#', String(waitMs / 1000))} (${message}). ${remedy}`, {
          cause: error,
        });
    }
    await new Promise((resolve) => setTimeout(resolve, ROOM_POLL_MS));
  }
}

export interface Room {
  readonly waitMs: number;
  readonly me: string;
  readonly kind: string;
  readonly connections: number;
  readonly budget: number;
}

/** Registers this process as soon as the total of connections allows it: during a deploy the old processes are leaving. */
export async function findRoom(home: Connection, { me, kind, connections, budget, waitMs }: Room): Promise<void> {
  for (let waitedMs = 0; ; waitedMs += ROOM_POLL_MS) {
    const others = await home.transaction(async (ask) => {
      await ask(`select pg_advisory_xact_lock(hashtext('${SCHEMA}.processes'))`);
      const rows = await ask(
        `select kind, connections from ${SCHEMA}.processes where beat > now() - interval '6 seconds' order by kind`,
      );
      const taken = rows.reduce((sum, row) => sum + Number(row.connections), 0);
      if (taken + connections > budget) return rows;
      await ask(
        `insert into ${SCHEMA}.processes (id, kind, connections, beat, format) values ($1, $2, $3, now(), ${FORMAT})`,
        [me, kind, connections],
      );
      return undefined;
    });
    if (others === undefined) return;
    // No process will ever get more than the whole budget.
    if (waitedMs >= waitMs || connections > budget) {
      const list = others.map((row) => `${String(row.kind)} ${String(row.connections)}`).join(', ');
      throw new LogUnusable(
        `DATABASE_CONNECTIONS allows ${budget} connections for all processes together, of which others have taken ${list || 'none'}, and this one needs ${connections}. Run fewer processes, or raise it where the database allows more.`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, ROOM_POLL_MS));
  }
}

async function durabilityOf(ask: Ask): Promise<Durability> {
  const [row] = await ask(
    `select current_setting('fsync') as fsync, current_setting('synchronous_commit') as commit, current_setting('synchronous_standby_names') as standbys`,
  );
  if (row?.fsync !== 'on' || row.commit === 'off') return 'ephemeral';
  return row.standbys !== '' && row.commit !== 'local' ? 'replicated' : 'disk';
}
