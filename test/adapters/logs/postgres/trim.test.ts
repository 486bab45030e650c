import pg from 'pg';
import * as assert from 'uvu/assert';
import { type LogRecord, LogUnavailable } from '../../../../adapters/logs/log.ts';
import { openPostgres } from '../../../../adapters/logs/postgres/open.ts';
import type { Store } from '../../../../adapters/logs/store.ts';
import { never, OTHER, record, SHOP, storeOptions } from '../../../contracts/log.ts';
import { describe } from '../../../support/describe.ts';
import { type Postgres, startPostgres } from '../../../support/postgres.ts';
import { until } from '../../../support/until.ts';

const DAY_MS = 24 * 3_600_000;
const PASSED = () => Number.MAX_SAFE_INTEGER;
const large = (id: string, at: number): LogRecord => ({
  ...record([id], { at }),
  body: Buffer.from(JSON.stringify([id, 'x'.repeat(600_000)])),
});

describe('trimming a log on PostgreSQL', ({ it, before, after, beforeEach, afterEach }) => {
  let postgres: Postgres;
  let url = '';
  let store: Store;
  let client: pg.Client;
  let now = 0;
  before(async () => {
    // Whoever waits for a lock is written down.
    const settings = { log_lock_waits: 'on', deadlock_timeout: '1ms', autovacuum: 'off' };
    postgres = await startPostgres({ settings, inMemory: true });
  });
  after(() => postgres.stop());
  beforeEach(async () => {
    url = await postgres.createDatabase();
    now = Date.now() - 10 * DAY_MS;
    store = await openPostgres(url, storeOptions({ now: () => now }));
    client = new pg.Client({ connectionString: url });
    await client.connect();
  });
  afterEach(async () => {
    await client.end();
    await store.close();
  });
  const today = () => {
    now = Date.now();
  };
  const old = () => ({ before: new Date(now - 7 * DAY_MS), passed: PASSED, maxBytes: 1e12 });
  const dayTables = async () =>
    (
      await client.query<{ relname: string }>(
        `select relname from pg_class where relkind = 'r' and relname ~ '^(pages|ids)_' order by 1`,
      )
    ).rows.map(({ relname }) => relname);
  const nameOf = (at: number) => new Date(at).toISOString().slice(0, 10).replaceAll('-', '');

  it('lets appends through at every moment, also while somebody reads the day that is to go', async () => {
    await store.log.append(record(['old'], { at: now }));
    const day = nameOf(now);
    today();
    await store.state.cursors.begin({ shop: SHOP, pipeline: 'p' }, 0);
    await client.query(
      `insert into headless_events.dead select id, 1 - g, true, false, '{}' from headless_events.pipelines, generate_series(1, 20000) g`,
    );
    await client.query('begin');
    await client.query('select count(*) from headless_events.pages');
    const trimming = store.log.trim(old());
    let trimmed = false;
    void trimming.then(() => {
      trimmed = true;
    });
    for (let n = 0; !trimmed; n += 1) await store.log.append(record([`during ${n}`], { at: now }));
    assert.ok((await dayTables()).includes(`pages_${day}`), 'it is still being read');
    await client.query('commit');
    await store.log.trim(old());
    assert.equal(
      (await dayTables()).filter((name) => name.endsWith(day)),
      [],
    );
    const waits = postgres.log().match(/still waiting for \S+ on (relation|extend).*/g) ?? [];
    assert.equal(waits, [], 'who waited for a table');
  });

  it('is seen to be the way that blocks, by the same look, where a day is dropped while it is attached', async () => {
    await store.log.append(record(['old'], { at: now }));
    const day = nameOf(now);
    today();
    await client.query('begin');
    await client.query(`drop table headless_events.pages_${day}`);
    const mark = postgres.log().length;
    const append = store.log.append(record(['waits'], { at: now }));
    await until(() => /still waiting for \S+ on relation/.test(postgres.log().slice(mark)));
    await client.query('rollback');
    await append;
  });

  it('makes days while somebody reads the log, and nobody waits', async () => {
    await store.log.append(record(['a'], { at: now }));
    await client.query('begin');
    await client.query('select count(*) from headless_events.pages');
    const mark = postgres.log().length;
    now += 5 * DAY_MS;
    await store.log.append(record(['b'], { at: now }));
    await client.query('commit');
    assert.not.match(postgres.log().slice(mark), /still waiting for \S+ on relation/);
  });

  it('keeps what a trim has done that was cut off, says so, and the next one goes on', async () => {
    for (let n = 0; n < 80; n += 1) await store.log.append(large(`e${n}`, now));
    today();
    // Of 48 MB a piece has 16.
    const order = { ...old(), passed: () => 0, maxBytes: 1 };
    const trimUntil = (cut: () => boolean) => {
      let [asked, looks] = [0, 0];
      const stopping = {
        get aborted() {
          looks += 1;
          return asked >= 3 && looks > 1 && cut();
        },
      } as AbortSignal;
      // What a shop has passed is asked for the third time where its pages are about to be deleted.
      const passed = () => {
        asked += 1;
        looks = 0;
        return 0;
      };
      return store.log.trim({ ...order, passed, stopping });
    };
    const stopped = await trimUntil(() => true);
    assert.ok(stopped.events > 0 && stopped.events < 40, `${stopped.events} events`);
    assert.equal(stopped.unpassed, { [SHOP]: stopped.events });
    const broken = await trimUntil(() => {
      throw new LogUnavailable('the connection broke');
    });
    assert.ok(broken.events > 0 && broken.events < 40, `${broken.events} events`);
    const rest = await store.log.trim(order);
    assert.is(stopped.events + broken.events + rest.events, 80);
    assert.equal(rest.unpassed, { [SHOP]: rest.events });
  });

  it('is done by one process at a time', async () => {
    await store.log.append(record(['old'], { at: now }));
    today();
    await client.query(`select pg_advisory_lock(hashtext('headless_events.trim'))`);
    assert.is((await store.log.trim(old())).events, 0);
    await client.query(`select pg_advisory_unlock(hashtext('headless_events.trim'))`);
    assert.is((await store.log.trim(old())).events, 1);
    const { rows } = await client.query(`select count(*)::int as held from pg_locks where locktype = 'advisory'`);
    assert.is(rows[0].held, 0);
  });

  it('keeps of a day what some shop needs, and the rest goes', async () => {
    await store.log.append(record(['a'], { at: now }));
    await store.log.append(record(['b'], { at: now, shop: OTHER }));
    today();
    const trimmed = await store.log.trim({ ...old(), passed: (shop) => (shop === SHOP ? 1 : 0) });
    assert.equal(trimmed, { events: 1, unpassed: {} });
    assert.equal(await store.log.extent(SHOP), { oldest: 2, newest: 1 });
    assert.is((await store.log.read(OTHER, 0, 10, never)).length, 1);
  });

  it('past its size lets the oldest go to the page, over several days', async () => {
    const ids = Array.from({ length: 12 }, (_, n) => `e${n}`);
    for (const [n, id] of ids.entries()) {
      if (n % 4 === 0 && n > 0) now += DAY_MS;
      await store.log.append(large(id, now + n));
    }
    const page = (await client.query('select max(octet_length(page)) as bytes from headless_events.pages')).rows[0];
    const trimmed = await store.log.trim({ ...old(), passed: () => 3, maxBytes: 5 * (Number(page.bytes) + 120) });
    assert.equal(trimmed, { events: 7, unpassed: { [SHOP]: 4 } });
    assert.equal(await store.log.extent(SHOP), { oldest: 8, newest: 12 });
    // What is gone is still known.
    assert.equal(await store.log.append(record(['e6'], { at: now })), [{ kind: 'duplicate', position: 7 }]);
  });

  it('removes ended dead letters and journal lines of what is gone, and no others', async () => {
    await store.state.cursors.begin({ shop: SHOP, pipeline: 'p' }, 0);
    const many = Array.from({ length: 7000 }, (_, n) => `e${n}`);
    for (let n = 0; n < 7000; n += 1000) await store.log.append(record(many.slice(n, n + 1000), { at: now }));
    const [{ id }] = (await client.query('select id from headless_events.pipelines')).rows;
    today();
    await store.log.append(record(['c'], { at: now }));
    await client.query(
      `insert into headless_events.dead values ($1, 1, true, false, '{}'), ($1, 2, false, false, '{}'), ($1, 7001, true, false, '{}')`,
      [id],
    );
    await client.query(
      `insert into headless_events.journal values ($1, 1, 1, '{}'), ($1, 2, 7001, '{}'), ($1, 7002, 7002, '{}')`,
      [id],
    );
    await client.query(
      `insert into headless_events.dead select $1, 4 + g, true, false, '{}' from generate_series(0, 6000) g`,
      [id],
    );
    await store.log.trim(old());
    const positions = async (table: string, column: string) =>
      (await client.query(`select ${column} as one from headless_events.${table} order by 1`)).rows.map(({ one }) =>
        Number(one),
      );
    assert.equal(
      [await positions('dead', 'position'), await positions('journal', 'first')],
      [
        [2, 7001],
        [2, 7002],
      ],
    );
  });
});
