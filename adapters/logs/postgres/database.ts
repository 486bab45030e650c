import type { Socket } from 'node:net';
import pg from 'pg';
import { LogUnavailable, LogUnusable } from '../log.ts';
import type { DatabaseTimeouts } from '../store.ts';
import { joined, type Plain, plain } from './errors.ts';
import { SCHEMA } from './schema.ts';
import type { DatabaseConfig } from './url.ts';

const CONNECT_TIMEOUT_MS = 5000;
const TIMEOUTS: DatabaseTimeouts = { queryMs: 8000, idleTransactionMs: 10_000 };
/** One that says no more does not say goodbye either. */
const CLOSE_TIMEOUT_MS = 2000;
/** A database that is on its way up, or stays away, is not asked for connections more often. */
const RECONNECT_MS = 100;
const CHANNEL = SCHEMA;
// The database gives up before we do. Otherwise what waits there for a lock would go on waiting, and hold its connection, for nobody; and
// a process that stands still in the middle of a transaction would hold its locks. The rest is what the statements rely on, whatever
// is set for the role or the database.
const settingsOf = ({ queryMs, idleTransactionMs }: DatabaseTimeouts): string =>
  `set statement_timeout = ${Math.round((queryMs * 7) / 8)}; set idle_in_transaction_session_timeout = ${idleTransactionMs};
set lock_timeout = 0; set idle_session_timeout = 0; set default_transaction_isolation = 'read committed'`;

export type Row = Record<string, unknown>;
export type Ask = (text: string, values?: readonly unknown[], name?: string) => Promise<Row[]>;

export interface ConnectionOptions {
  /** Called with what other processes tell. */
  readonly hear?: (message: string) => void;
  /** Nothing is set, so that nothing is left behind in a pooler. */
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
  // A connection that breaks while it is idle is opened again by the next statement. One that breaks in the middle of a statement
  // rejects that, and says it once more by an event that would end the process.
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
 * One connection to PostgreSQL: statements go one after the other, each a transaction of its own. Opened when it is first needed, and again
 * after it broke. A statement that cannot reach the database, or gets no answer, rejects with LogUnavailable: it may have been done or not.
 */
export class Connection {
  /** One for each way to reach the database; at most one of them has the connection. */
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

  /** Statements without others in between, each a transaction of its own. */
  alone<T>(work: (ask: Ask, server: number | null) => Promise<T>): Promise<T> {
    return this.#with((client) => {
      // The number of the server process, as it was told when the connection was made.
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
        // Ends the transaction with the connection, where it cannot be ended otherwise.
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
      // A connection that did not answer, or belongs to a server that takes no writes any more, is not used again.
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

// Everything but what the statement itself got wrong: that would fail again, and is a fault of ours.
const OURS = /^(22|23|42|0A|P0)/;

function passing(error: unknown): boolean {
  if (isOurs(error)) return false;
  const { code } = error as { code?: string };
  return code === undefined || !OURS.test(code);
}

/** What was found out with the connection, or is a mistake of this program. */
const isOurs = (error: unknown): boolean =>
  error instanceof LogUnavailable || error instanceof LogUnusable || error instanceof TypeError;

/** Ends it here and now. Where the other end is silent, an orderly end would wait for it for ever. */
function cut(client: pg.PoolClient): void {
  (client as unknown as { readonly connection?: { readonly stream?: Socket } }).connection?.stream?.destroy();
}
