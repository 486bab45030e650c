import type { Socket } from 'node:net';
import pg from 'pg';
import { LogUnavailable, LogUnusable } from '../log.ts';
import type { DatabaseTimeouts } from '../store.ts';
import { joined, type Plain, plain } from './errors.ts';
import { SCHEMA } from './schema.ts';
import type { DatabaseConfig } from './url.ts';

const CONNECT_TIMEOUT_MS = 5000;
const TIMEOUTS: DatabaseTimeouts = { queryMs: 8000, idleTransactionMs: 10_000 };
/** A connection that is silent does not close in order either. */
const CLOSE_TIMEOUT_MS = 2000;
/** A database that is starting or away is not asked for connections more often. */
const RECONNECT_MS = 100;
const CHANNEL = SCHEMA;
// The database must time out before we do. Otherwise a statement that waits for a lock would keep its connection although nobody needs its
// answer, and a process that stands still in a transaction would keep its locks. The other settings are what the statements rely on, whatever is
// set for the role or the database.
const settingsOf = ({ queryMs, idleTransactionMs }: DatabaseTimeouts): string =>
  `set statement_timeout = ${Math.round((queryMs * 7) / 8)}; set idle_in_transaction_session_timeout = ${idleTransactionMs};
set lock_timeout = 0; set idle_session_timeout = 0; set default_transaction_isolation = 'read committed'`;

export type Row = Record<string, unknown>;
export type Ask = (text: string, values?: readonly unknown[], name?: string) => Promise<Row[]>;

export interface ConnectionOptions {
  /** Called with notifications of other processes. */
  readonly hear?: (message: string) => void;
  /** Changes no settings, so that none are left behind in a pooler. */
  readonly isBare?: boolean;
  readonly timeouts?: DatabaseTimeouts | undefined;
}

/** `clients`: those that are connected. */
function poolOf(
  config: pg.ClientConfig,
  { hear, isBare = false, timeouts = TIMEOUTS }: ConnectionOptions,
  clients: Set<pg.PoolClient>,
): pg.Pool {
  const pool = new pg.Pool({
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    ...config,
    max: 1,
    idleTimeoutMillis: 0,
    query_timeout: timeouts.queryMs,
    keepAlive: true,
  });
  // A connection that breaks while idle is reopened by the next statement. One that breaks during a statement rejects that, and also emits an
  // event, which would end the process.
  pool.on('error', () => {});
  pool.on('connect', (client) => {
    client.on('error', () => {});
    clients.add(client);
    client.once('end', () => clients.delete(client));
    if (hear) client.on('notification', ({ payload = '' }) => hear(payload));
    const settings = settingsOf(timeouts);
    if (!isBare) client.query(hear ? `${settings}; listen ${CHANNEL}` : settings).catch(() => {});
  });
  return pool;
}

/**
 * One connection to PostgreSQL: statements run one after the other, each in a transaction of its own. It is opened on first use, and again after
 * it broke. A statement that cannot reach the database or gets no answer rejects with LogUnavailable; whether it was executed is unknown.
 */
export class Connection {
  /** One pool per way to reach the database; at most one of them has the connection. */
  readonly #pools: readonly pg.Pool[];
  readonly #clients = new Set<pg.PoolClient>();
  #opening: Promise<pg.Pool> | undefined;
  #connectedAt = -RECONNECT_MS;
  #closed = false;

  constructor(config: DatabaseConfig, options: ConnectionOptions = {}) {
    const { otherwise, ...first } = config;
    const ways = otherwise === undefined ? [first] : [first, { ...first, ssl: otherwise }];
    this.#pools = ways.map((way) => poolOf(way, options, this.#clients));
  }

  readonly ask: Ask = async (text, values = [], name) => {
    const { rows } = await this.#with((client) => client.query({ text, values: [...values], ...(name && { name }) }));
    return rows as Row[];
  };

  /** Runs statements without others in between, each in a transaction of its own. */
  alone<T>(work: (ask: Ask, server: number | null) => Promise<T>): Promise<T> {
    return this.#with((client) => {
      // The id of the server process, as told when the connection was made.
      const { processID: server = null } = client as unknown as { readonly processID?: number | null };
      return work(async (text, values = []) => (await client.query(text, [...values])).rows as Row[], server);
    });
  }

  /** Statements in one transaction. */
  async transaction<T>(work: (ask: Ask) => Promise<T>): Promise<T> {
    return this.#with(async (client) => {
      const ask: Ask = async (text, values = []) => (await client.query(text, [...values])).rows as Row[];
      await ask('begin');
      try {
        const result = await work(ask);
        await ask('commit');
        return result;
      } catch (error) {
        // If the rollback fails, ends the transaction by closing the connection.
        await ask('rollback').catch(() => client.end());
        throw error;
      }
    });
  }

  async #with<T>(use: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    if (this.#closed) throw new LogUnavailable('the log is closed');
    let client: pg.PoolClient | undefined;
    try {
      client = await this.#connect();
      const result = await use(client);
      client.release();
      return result;
    } catch (error) {
      const passes = passing(error);
      // A connection that did not answer, or whose server takes no more writes, is not reused.
      if (client && passes) cut(client);
      client?.release(passes);
      if (isOurs(error)) throw error;
      const cause = plain(error);
      throw passes ? new LogUnavailable(cause.message, { cause }) : cause;
    }
  }

  async #connect(): Promise<pg.PoolClient> {
    const pool = this.#pools.find(({ totalCount }) => totalCount > 0);
    if (pool && !this.#opening) return pool.connect();
    const waitMs = this.#connectedAt + RECONNECT_MS - performance.now();
    if (!this.#opening && waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
    this.#connectedAt = performance.now();
    const [only, ...more] = this.#pools;
    if (only && more.length === 0) return only.connect();
    this.#opening ??= this.#open().finally(() => {
      this.#opening = undefined;
    });
    return (await this.#opening).connect();
  }

  /** Tries one way after the other. */
  async #open(): Promise<pg.Pool> {
    const failures: Plain[] = [];
    for (const pool of this.#pools) {
      try {
        (await pool.connect()).release();
        return pool;
      } catch (error) {
        failures.push(plain(error));
      }
    }
    throw joined(failures);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const patience = setTimeout(() => {
      for (const client of this.#clients) cut(client);
    }, CLOSE_TIMEOUT_MS);
    await Promise.all(this.#pools.map((pool) => pool.end()));
    clearTimeout(patience);
  }
}

export const TELL = `select pg_notify('${CHANNEL}', $1)`;

// Error classes of faulty statements: they would fail again, and are our fault.
const OURS = /^(22|23|42|0A|P0)/;

function passing(error: unknown): boolean {
  if (isOurs(error)) return false;
  const { code } = error as { code?: string };
  return code === undefined || !OURS.test(code);
}

/** Whether the error is a known result or a mistake of this program. */
const isOurs = (error: unknown): boolean =>
  error instanceof LogUnavailable || error instanceof LogUnusable || error instanceof TypeError;

/** Closes the connection abruptly: an orderly close would wait for a silent server for ever. */
function cut(client: pg.PoolClient): void {
  (client as unknown as { readonly connection?: { readonly stream?: Socket } }).connection?.stream?.destroy();
}
