import { randomUUID } from 'node:crypto';
import { appendFileSync, chownSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import pg from 'pg';
import { freePort } from './ports.ts';
import { type Postgres, postgresOn, quoted, started } from './postgres.ts';
import { copyData, type Home, postgresHome } from './postgres-home.ts';
import { until } from './until.ts';

export interface Standby extends Postgres {
  /** Makes it a primary of its own, on its own port; waits for no other standby. */
  promote(): Promise<void>;
  /** Makes it a primary on the port of the old one, which must be gone: failover behind an address that stays. */
  takeOver(): Promise<Postgres>;
}

/**
 * A synchronous standby: the primary answers a commit when both have it on disk. As in life, commits wait for it for
 * ever once it is gone, until `ALTER SYSTEM RESET synchronous_standby_names` and `SELECT pg_reload_conf()`; so stop the
 * standby last, or not before the primary has no more to commit.
 */
export async function startStandby(primary: Postgres): Promise<Standby> {
  const home = await postgresHome();
  const folder = home.folder();
  const name = `standby_${randomUUID().slice(0, 8)}`;
  // Without a slot the primary removes what a paused standby has not read yet.
  await primary.query('postgres', 'SELECT pg_create_physical_replication_slot($1, true)', [name]);
  await backUp(primary, join(folder, 'data'), home);
  follow(primary, join(folder, 'data'), name);
  const standby = await started(postgresOn(home, { folder, port: await freePort() }));
  await waitFor(primary, name);
  return { ...standby, ...failover(home, standby, primary) };
}

/** What pg_basebackup does, which the package does not bring. */
async function backUp(primary: Postgres, data: string, home: Home): Promise<void> {
  // The backup ends with the connection that began it.
  const client = new pg.Client({ connectionString: primary.url('postgres') });
  await client.connect();
  try {
    await client.query(`SELECT pg_backup_start('standby', fast => true)`);
    await copyData(primary.data, data, { ...home, skip: ofTheProcess });
    const { rows } = await client.query('SELECT labelfile FROM pg_backup_stop(wait_for_archive => false)');
    const label = join(data, 'backup_label');
    writeFileSync(label, rows[0].labelfile);
    if (home.account) chownSync(label, home.account.uid, home.account.gid);
  } finally {
    await client.end();
  }
}

/** What belongs to the running primary rather than to its data; the standby makes its own, or streams it. */
const ofTheProcess = (path: string): boolean =>
  /^(postmaster\.(pid|opts)|ballast)$|^(pg_wal|pg_replslot|pg_dynshmem|pg_notify|pg_serial|pg_snapshots|pg_stat_tmp|pg_subtrans)\//.test(
    path,
  );

function follow(primary: Postgres, data: string, name: string): void {
  const settings = {
    primary_conninfo: `host=127.0.0.1 port=${primary.port} user=postgres application_name=${name}`,
    primary_slot_name: name,
    wal_retrieve_retry_interval: '200ms',
    // The copy would wait for the standbys of its primary.
    synchronous_standby_names: '',
  };
  const lines = Object.entries(settings).map(([setting, value]) => `${setting} = ${quoted(value)}\n`);
  appendFileSync(join(data, 'postgresql.auto.conf'), lines.join(''));
  writeFileSync(join(data, 'standby.signal'), '');
}

async function waitFor(primary: Postgres, name: string): Promise<void> {
  await primary.query('postgres', `ALTER SYSTEM SET synchronous_standby_names = '${name}'`);
  await primary.query('postgres', 'SELECT pg_reload_conf()');
  const sql = `SELECT 1 FROM pg_stat_replication WHERE application_name = $1 AND sync_state = 'sync'`;
  await until(async () => (await primary.query('postgres', sql, [name])).length === 1);
}

function failover(home: Home, standby: Postgres, primary: Postgres): Pick<Standby, 'promote' | 'takeOver'> {
  const promote = async () => {
    const sql = 'SELECT CASE WHEN pg_is_in_recovery() THEN pg_promote() ELSE true END AS promoted';
    const [row] = await standby.query<{ promoted: boolean }>('postgres', sql);
    if (!row?.promoted) throw new Error(`The standby should be a primary after 60 s and is not:\n${standby.log()}`);
  };
  return {
    promote,
    async takeOver() {
      await promote();
      await standby.shutDown();
      return started(postgresOn(home, { folder: dirname(standby.data), port: primary.port }));
    },
  };
}
