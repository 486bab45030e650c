import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import pg from 'pg';
import { LogUnavailable, LogUnusable } from './log.ts';
import { SCHEMA } from './postgres-schema.ts';

const CONNECT_TIMEOUT_MS = 5000;
/** A database that does not answer within this time is treated as gone: the client gets its 503 while it still waits. */
const QUERY_TIMEOUT_MS = 8000;
/** A database that is on its way up, or stays away, is not asked for connections more often. */
const RECONNECT_MS = 100;
const CHANNEL = SCHEMA;
// The database gives up before we do. Otherwise what waits there for a lock would go on waiting, and hold its connection, for nobody; and
// a process that stands still in the middle of a transaction would hold its locks.
const LIMITS = `set statement_timeout = ${QUERY_TIMEOUT_MS - 1000}; set idle_in_transaction_session_timeout = 10000`;

export type Row = Record<string, unknown>;
export type Ask = (text: string, values?: readonly unknown[], name?: string) => Promise<Row[]>;

/**
 * One connection to PostgreSQL: statements go one after the other, each a transaction of its own. Opened when it is first needed, and again
 * after it broke. A statement that cannot reach the database, or gets no answer, rejects with LogUnavailable: it may have been done or not.
 */
export class Connection {
  readonly #pool: pg.Pool;
  #connectedAt = -RECONNECT_MS;
  #closed = false;

  /** `hear` is called with what other processes tell. */
  constructor(config: pg.ClientConfig, hear?: (message: string) => void) {
    this.#pool = new pg.Pool({
      ...config,
      max: 1,
      idleTimeoutMillis: 0,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      query_timeout: QUERY_TIMEOUT_MS,
      keepAlive: true,
    });
    // A connection that breaks while it is idle is opened again by the next statement. One that breaks in the middle of a statement
    // rejects that, and says it once more by an event that would end the process.
    this.#pool.on('error', () => {});
    this.#pool.on('connect', (client) => {
      client.on('error', () => {});
      if (hear) client.on('notification', ({ payload = '' }) => hear(payload));
      client.query(hear ? `${LIMITS}; listen ${CHANNEL}` : LIMITS).catch(() => {});
    });
  }

  readonly ask: Ask = async (text, values = [], name) => {
    const { rows } = await this.#with((client) => client.query({ text, values: [...values], ...(name && { name }) }));
    return rows as Row[];
  };

  /** Statements with nobody else's in between, each a transaction of its own. */
  alone<T>(work: (ask: Ask) => Promise<T>): Promise<T> {
    return this.#with((client) => work(async (text, values = []) => (await client.query(text, [...values])).rows));
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
      // A connection that did not answer, or belongs to a server that takes no writes any more, is not used again.
      client?.release(passing(error));
      throw passing(error) ? new LogUnavailable(`PostgreSQL: ${messageOf(error)}`, { cause: error }) : error;
    }
  }

  async #connect(): Promise<pg.PoolClient> {
    if (this.#pool.totalCount === 0) {
      const waitMs = this.#connectedAt + RECONNECT_MS - performance.now();
      if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
      this.#connectedAt = performance.now();
    }
    return this.#pool.connect();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#pool.end();
  }
}

/** A connection that hears what other processes tell. */
export const listening = (config: pg.ClientConfig, hear: (message: string) => void): Connection =>
  new Connection(config, hear);

export const TELL = `select pg_notify('${CHANNEL}', $1)`;

// Everything but what the statement itself got wrong: that would fail again, and is a fault of ours.
const OURS = /^(22|23|42|0A|P0)/;

function passing(error: unknown): boolean {
  if (error instanceof LogUnavailable || error instanceof TypeError) return false;
  const { code } = error as { code?: string };
  return code === undefined || !OURS.test(code);
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** What a `postgres://` URL says, with TLS as libpq understands `sslmode`; without one, `encrypt` decides. */
export function configOf(text: string, encrypt: boolean, name: string): pg.ClientConfig {
  const url = new URL(text);
  const ssl = tlsOf(url.searchParams, encrypt);
  for (const parameter of ['sslmode', 'sslrootcert', 'ssl']) url.searchParams.delete(parameter);
  return { connectionString: url.href, application_name: name, ...(ssl && { ssl }) };
}

function tlsOf(parameters: URLSearchParams, encrypt: boolean): ConnectionOptions | undefined {
  const mode = parameters.get('sslmode') ?? (encrypt ? 'require' : 'disable');
  const root = parameters.get('sslrootcert');
  switch (mode) {
    case 'disable':
    case 'allow':
    case 'prefer':
      return undefined;
    // Encrypted, to whoever answers: platforms serve certificates of their own making.
    case 'require':
    case 'no-verify':
      return { rejectUnauthorized: false };
    case 'verify-ca':
      return {
        rejectUnauthorized: true,
        checkServerIdentity: () => undefined,
        ...(root && { ca: readFileSync(root) }),
      };
    case 'verify-full':
      return { rejectUnauthorized: true, ...(root && { ca: readFileSync(root) }) };
    default:
      throw new LogUnusable(
        `sslmode must be disable, allow, prefer, require, no-verify, verify-ca or verify-full, got "${mode}"`,
      );
  }
}
