import pg from 'pg';
import * as assert from 'uvu/assert';
import { type Ask, Connection } from '../../../../adapters/logs/postgres/database.ts';
import { formOf } from '../../../../adapters/logs/postgres/format.ts';
import { Leases } from '../../../../adapters/logs/postgres/leases.ts';
import { PostgresLog } from '../../../../adapters/logs/postgres/log.ts';
import { migrate } from '../../../../adapters/logs/postgres/migrate.ts';
import { findRoom, migratePostgres, openPostgres } from '../../../../adapters/logs/postgres/open.ts';
import { migrations } from '../../../../adapters/logs/postgres/schema.ts';
import { configOf } from '../../../../adapters/logs/postgres/url.ts';
import type { Cursor } from '../../../../adapters/logs/state/cursors.ts';
import type { PipelineId } from '../../../../adapters/logs/state/shared.ts';
import type { Store } from '../../../../adapters/logs/store.ts';
import { aborted } from '../../../../server/base/clock.ts';
import { never, record, SHOP, START, storeOptions } from '../../../contracts/log.ts';
import { describe } from '../../../support/describe.ts';
import type { Databases } from '../../../support/postgres-databases.ts';
import { sharedPostgres } from '../../../support/postgres-shared.ts';
import { until } from '../../../support/until.ts';

const NOW = AbortSignal.abort();
const pipeline = (name: string): PipelineId => ({ shop: SHOP, pipeline: name });

describe('the quarantine of a PostgreSQL log', ({ it, before }) => {
  let postgres: Databases;
  before(async () => {
    postgres = await sharedPostgres();
  });

  it('keeps to its bytes within seconds, without anybody asking', async () => {
    const limits = storeOptions({ quarantineMax: 1000, quarantineMaxBytes: 4000 });
    const { log, state, close } = await openPostgres(await postgres.createDatabase(), limits);
    const refused = Array.from({ length: 9 }, (_, index) => ({ index, code: 'x', reasons: [], raw: 'x'.repeat(1000) }));
    await log.append(record([], { refused }));
    await until(async () => (await state.quarantine.sums([SHOP]))[0]?.bytes === 4000);
    await close();
  });
});

describe('the PostgreSQL log of several processes', ({ it, before, beforeEach, afterEach }) => {
  let postgres: Databases;
  let url = '';
  let stores: Store[] = [];
  before(async () => {
    postgres = await sharedPostgres();
  });
  beforeEach(async () => {
    url = await postgres.createDatabase();
    stores = [];
  });
  afterEach(() => Promise.all(stores.map((store) => store.close())));
  const open = async (): Promise<Store> => {
    const store = await openPostgres(url, storeOptions());
    stores.push(store);
    return store;
  };
  const client = async (): Promise<pg.Client> => {
    const one = new pg.Client({ connectionString: url });
    await one.connect();
    return one;
  };
  const ids = (stored: readonly { event: { event_id: string } }[]) => stored.map(({ event }) => event.event_id);

  it('keeps an id once, whoever stores it', async () => {
    const [one, two] = [await open(), await open()];
    const all = Array.from({ length: 50 }, (_, n) => `e${n}`);
    const verdicts = await Promise.all(all.flatMap((id) => [one, two].map(({ log }) => log.append(record([id])))));
    assert.is(verdicts.flat().filter(({ kind }) => kind === 'stored').length, 50);
    const stored = await two.log.read(SHOP, 0, 100, NOW);
    assert.equal(
      stored.map(({ position }) => position),
      Array.from({ length: 50 }, (_, n) => n + 1),
    );
    assert.equal(new Set(ids(stored)).size, 50);
    assert.equal((await one.log.tally(SHOP)).duplicate, 50);
  });

  it('keeps of a body only what is new', async () => {
    const { log } = await open();
    await log.append(record(['b']));
    assert.equal(
      (await log.append(record(['a', 'b', 'c', 'a']))).map(({ kind, position }) => [kind, position]),
      [
        ['stored', 2],
        ['duplicate', 1],
        ['stored', 3],
        ['duplicate', 2],
      ],
    );
    assert.equal(ids(await log.read(SHOP, 0, 10, NOW)), ['b', 'a', 'c']);
    assert.equal(await log.tally(SHOP), { received: 5, appended: 3, duplicate: 2, quarantined: {} });
  });

  it('shows no event before all earlier ones, however late their commit', async () => {
    const { log } = await open();
    await log.append(record(['first']));
    const slow = await client();
    await slow.query('begin');
    // Another process takes the next position, and its commit is delayed.
    await slow.query(
      `select * from headless_events.append_1($1, $1, $2, $3, $4, $5, $6, $7, $8, $9, '{}', '{}', '{}', '{}', '{}', '{}', 10)`,
      ['2026-06-01', [SHOP], Buffer.alloc(0), [0], [START], ['00000000-0000-0000-0000-000000000001'], [1], [1], [0]],
    );
    const later = log.append(record(['later']));
    assert.is(
      await Promise.race([later.then(() => 'stored'), new Promise((resolve) => setTimeout(resolve, 200, 'waits'))]),
      'waits',
    );
    assert.equal(ids(await log.read(SHOP, 0, 10, NOW)), ['first']);
    await slow.query('commit');
    await slow.end();
    assert.equal(await later, [{ kind: 'stored', position: 3 }]);
    // A reader that had been given position 3 before 2 was visible would never have seen 2.
    assert.equal((await log.read(SHOP, 1, 10, NOW)).map(({ position }) => position).at(-1), 3);
  });

  it('is not the log that a sequence would make, which loses what is committed late', async () => {
    const [slow, quick] = [await client(), await client()];
    await quick.query('create table naive (position bigserial, id text)');
    await slow.query('begin');
    await slow.query(`insert into naive (id) values ('late')`);
    await quick.query(`insert into naive (id) values ('early')`);
    const after = async (position: number) =>
      (await quick.query('select position, id from naive where position > $1 order by position', [position])).rows;
    const [seen] = await after(0);
    await slow.query('commit');
    assert.equal([seen.id, await after(Number(seen.position))], ['early', []]);
    await Promise.all([slow.end(), quick.end()]);
  });

  it('finds what was stored while it was being looked for', async () => {
    await open();
    const [writer, home] = [new Connection(configOf(url, false, 'test')), new Connection(configOf(url, false, 'test'))];
    let looked = (): void => {};
    const firstLook = new Promise<void>((resolve) => {
      looked = resolve;
    });
    let stored: Promise<unknown> = Promise.resolve();
    const slow: Ask = async (text, values, name) => {
      const rows = await home.ask(text, values, name);
      looked();
      await stored;
      return rows;
    };
    const tools = {
      writer,
      reader: { ask: slow } as Connection,
      side: home,
      durability: 'disk' as const,
      form: await formOf(home.ask),
      onNewest: () => {},
    };
    const log = new PostgresLog({ ...tools, options: storeOptions() });
    stored = firstLook.then(() => log.append(record(['a'])));
    assert.equal(ids(await log.read(SHOP, 0, 10, never)), ['a']);
    await Promise.all([writer.close(), home.close()]);
  });

  it('gives a reader no answer that is older than its question', async () => {
    await open();
    const [writer, home] = [new Connection(configOf(url, false, 'test')), new Connection(configOf(url, false, 'test'))];
    let answer = (): void => {};
    const answered = new Promise<void>((resolve) => {
      answer = resolve;
    });
    let looks = 0;
    const slow: Ask = async (text, values, name) => {
      const rows = await home.ask(text, values, name);
      looks += 1;
      if (looks === 1) await answered;
      return rows;
    };
    const tools = {
      writer,
      reader: { ask: slow } as Connection,
      side: home,
      durability: 'disk' as const,
      form: await formOf(home.ask),
      onNewest: () => {},
    };
    const log = new PostgresLog({ ...tools, options: storeOptions() });
    const one = log.read(SHOP, 0, 10, never);
    await until(() => looks === 1);
    await log.append(record(['a']));
    // It asks for the same while the first look, which has not seen the event, is still under way.
    const other = log.read(SHOP, 0, 10, never);
    answer();
    assert.equal([ids(await one), ids(await other)], [['a'], ['a']]);
    await Promise.all([writer.close(), home.close()]);
  });

  it('wakes a reader in another process', async () => {
    const [one, two] = [await open(), await open()];
    const waiting = two.log.read(SHOP, 0, 10, never);
    await new Promise((resolve) => setTimeout(resolve, 100));
    const told = Date.now();
    await one.log.append(record(['a']));
    assert.equal(ids(await waiting), ['a']);
    assert.ok(Date.now() - told < 900, 'by being told, before it asks by itself');
  });

  it('has a pipeline moved by one process, and shared out fairly when a second comes', async () => {
    const one = await open();
    const names = ['a', 'b', 'c', 'd'];
    for (const name of names) await one.state.cursors.begin(pipeline(name));
    const held = await Promise.all(names.map((name) => one.state.cursors.claim(pipeline(name), never)));
    for (const cursor of held) void aborted(cursor.wanted).then(() => cursor.release());
    const two = await open();
    const stop = new AbortController();
    const got: Cursor[] = [];
    for (const name of names)
      two.state.cursors.claim(pipeline(name), stop.signal).then(
        (cursor) => got.push(cursor),
        () => {},
      );
    await until(() => got.length === 2);
    await new Promise((resolve) => setTimeout(resolve, 2500));
    assert.is(got.length, 2);
    stop.abort();
  });

  it('saves nothing for a process that has lost its pipeline', async () => {
    const { state } = await open();
    await state.cursors.begin(pipeline('p'));
    const cursor = await state.cursors.claim(pipeline('p'), never);
    await postgres.query(
      new URL(url).pathname.slice(1),
      `update headless_events.pipelines set owner = gen_random_uuid()`,
    );
    await cursor.save({ progress: { ...cursor.progress, delivered: 1 } }).then(
      () => assert.unreachable('a save without the lease was taken'),
      (error: Error) => assert.is(error.name, 'CursorLost'),
    );
    assert.ok(cursor.wanted.aborted);
    assert.is((await state.cursors.progress(pipeline('p')))?.delivered, 0);
  });

  it('gives a pipeline back at once whose waiter has gone while it was being claimed', async () => {
    await (await open()).state.cursors.begin(pipeline('p'));
    const home = new Connection(configOf(url, false, 'test'));
    const gone = new AbortController();
    const ask: Ask = async (text, values, name) => {
      const rows = await home.ask(text, values, name);
      if (text.includes('returning id, progress, redrives')) gone.abort();
      return rows;
    };
    const leases = new Leases({
      me: '00000000-0000-0000-0000-000000000001',
      kind: 'all',
      connections: 1,
      home: { ask } as Connection,
      saver: home,
      tell: () => {},
    });
    try {
      await leases.claim(pipeline('p'), gone.signal).then(
        () => assert.unreachable('it has gone'),
        () => {},
      );
      await until(async () => {
        const [row] = await postgres.query(url, 'select owner from headless_events.pipelines');
        return row && (row as { owner: string | null }).owner === null;
      });
    } finally {
      await leases.close();
      await home.close();
    }
  });

  it('takes over from a process that is gone as soon as its lease has run out, not at the next beat', async () => {
    const { state } = await open();
    const names = ['a', 'b', 'c', 'd'];
    for (const name of names) await state.cursors.begin(pipeline(name));
    const rows = await postgres.query<{ pipeline: string; until: number }>(
      url,
      `update headless_events.pipelines set owner = gen_random_uuid(), lease_until = now() + id * interval '700 milliseconds'
       returning pipeline, extract(epoch from lease_until)::float * 1000 as until`,
    );
    const late = await Promise.all(
      names.map(async (name) => {
        await state.cursors.claim(pipeline(name), never);
        return Date.now() - (rows.find((row) => row.pipeline === name)?.until ?? 0);
      }),
    );
    assert.ok(Math.min(...late) >= 0 && Math.max(...late) < 600, `${late} ms late`);
  });

  it('suspends and resumes a pipeline that another process moves', async () => {
    const [mover, other] = [await open(), await open()];
    await mover.state.cursors.begin(pipeline('p'));
    const cursor = await mover.state.cursors.claim(pipeline('p'), never);
    const suspending = other.state.cursors.suspend(pipeline('p'), { reason: 'by hand', at: START });
    await aborted(cursor.wanted);
    await cursor.release();
    assert.is(await suspending, true);
    const again = await mover.state.cursors.claim(pipeline('p'), never);
    assert.is(again.progress.suspended?.reason, 'by hand');
    const redriven = again.redriven();
    await other.state.deadLetters.redrive(pipeline('p'), [1]);
    await aborted(redriven);
    const changed = mover.state.replays.changed();
    await other.state.replays.add({ shop: SHOP, pipeline: 'p', after: 0, to: 1, startedAt: START });
    await aborted(changed);
  });

  it('says since when nobody moves a pipeline: since it began, was given up, or its process was heard last', async () => {
    const [one, other] = [await open(), await open()];
    const unmoved = async () => {
      const { moved, unmovedSince = 0 } = (await other.state.cursors.standing(pipeline('p'))) ?? {};
      return moved === false && unmovedSince;
    };
    const isNow = (at: number | false) => assert.ok(Math.abs(Number(at) - Date.now()) < 5000, `${at}`);
    await one.state.cursors.begin(pipeline('p'));
    isNow(await unmoved());
    const cursor = await one.state.cursors.claim(pipeline('p'), never);
    assert.equal(await other.state.cursors.standing(pipeline('p')), { progress: cursor.progress, moved: true });
    await cursor.release();
    isNow(await until(unmoved));
    // As a process of an earlier release leaves it, which knows nothing of this.
    const leave = `update headless_events.pipelines set owner = gen_random_uuid(), released_at = null, phase = '{"kind":"sending"}',
      lease_until = now() + interval '$ seconds' where pipeline = 'p'`;
    await postgres.query(url, leave.replace('$', '60'));
    assert.is((await other.state.cursors.everyStanding())[0]?.moved, true);
    await postgres.query(url, leave.replace('$', '-60'));
    isNow(Number(await unmoved()) + 60_000);
    await postgres.query(url, `update headless_events.pipelines set owner = null, lease_until = null`);
    assert.is((await other.state.cursors.standing(pipeline('p')))?.unmovedSince, undefined);
  });

  it('knows which other processes there are', async () => {
    const one = await open();
    await until(async () => (await one.state.cursors.others()).movers === 0);
    await open();
    await until(async () => (await one.state.cursors.others()).movers === 1);
    assert.equal(await one.state.cursors.others(), { takers: 1, movers: 1 });
  });

  it('gives replays that two processes order at once an id each, and the first end of each stays', async () => {
    const both = [await open(), await open()];
    const order = { shop: SHOP, pipeline: 'p', after: 0, to: 1, startedAt: START };
    const added = await Promise.all(Array.from({ length: 40 }, (_, i) => both[i % 2]!.state.replays.add(order)));
    assert.is(new Set(added.map(({ id }) => id)).size, 40);
    const [one, other] = both.map(({ state }) => state.replays);
    for (const { id } of added.slice(0, 10)) {
      const ended = await Promise.all([
        one!.change(id, { kind: 'done', at: START, revived: undefined }),
        other!.change(id, { kind: 'cancelled', at: START }),
      ]);
      assert.is(new Set(ended.map((replay) => replay?.ended)).size, 1);
    }
  });

  it('keeps text that PostgreSQL itself cannot hold', async () => {
    const { log, state } = await open();
    const raw = '{"a":"\u0000\ud800"}';
    await log.append(
      record(['\u0000id'], { refused: [{ index: 1, code: 'invalid', reasons: ['\u0000'], raw, id: '\u0000' }] }),
    );
    const [kept] = await state.quarantine.page(SHOP, { limit: 1 });
    assert.equal([kept?.raw, kept?.reasons, kept?.eventId], [raw, ['\u0000'], '\u0000']);
    await state.cursors.begin(pipeline('p'), 0);
    const cursor = await state.cursors.claim(pipeline('p'), never);
    const [stored] = await log.read(SHOP, 0, 1, NOW);
    const letter = { ...stored!, reason: 'HTTP 400 \u0000', attempts: 1, at: START };
    await cursor.save({ progress: cursor.progress, dead: [letter] });
    assert.equal(await state.deadLetters.at(pipeline('p'), 1), letter);
  });

  it('has as many connections as it says, whatever the process does', async () => {
    for (const kind of ['all', 'web', 'worker'] as const) {
      const store = await openPostgres(url, storeOptions({ process: kind }));
      await Promise.all([store.log.append(record([kind])), store.log.extent(SHOP), store.state.replays.all()]);
      const [said] = await postgres.query(url, 'select kind, connections from headless_events.processes');
      const count = (await postgres.connections(url))[`headless-events ${kind}`];
      assert.equal(said, { kind, connections: count });
      await store.close();
    }
  });

  it('waits for room among the connections, and says who has them', async () => {
    await open();
    const home = new Connection(configOf(url, false, 'test'));
    const room = { me: '00000000-0000-0000-0000-000000000001', kind: 'worker', connections: 2, waitMs: 0 };
    await findRoom(home, { ...room, budget: 5 }).then(
      () => assert.unreachable('more connections than allowed'),
      ({ message }: Error) =>
        assert.match(message, /DATABASE_CONNECTIONS allows 5 .* others have taken all 4, and this one needs 2/),
    );
    await findRoom(home, { ...room, budget: 6 });
    await home.close();
  });

  it('is brought up to date once, by whoever comes first', async () => {
    const fresh = await postgres.createDatabase();
    const ran = await Promise.all([migratePostgres(fresh, false), migratePostgres(fresh, false)]);
    assert.equal(
      ran.flat(),
      migrations.map(({ name }) => name),
    );
  });

  it('goes on beside a newer version, and refuses what it cannot work with', async () => {
    const old = await open();
    const newest = Math.max(...migrations.map(({ number }) => number));
    const home = new Connection(configOf(url, false, 'test'));
    const sql = 'alter table headless_events.pages add column note text';
    const next = { number: newest + 1, name: 'a note', worksFrom: newest, sql };
    await home.transaction((ask) => migrate(ask, [...migrations, next]));
    await old.log.append(record(['a']));
    const another = await open();
    assert.equal(ids(await another.log.read(SHOP, 0, 10, NOW)), ['a']);
    const breaking = { number: newest + 2, name: 'another form', worksFrom: newest + 2, sql: 'select 1' };
    await home.transaction((ask) => migrate(ask, [...migrations, next, breaking]));
    await openPostgres(url, storeOptions()).then(
      () => assert.unreachable('a log in an unknown form was opened'),
      ({ message }: Error) => assert.match(message, /migrated to "another form" \(\d+\) by a newer version/),
    );
    await home.close();
  });
});
