import * as assert from 'uvu/assert';
import { contents, view } from '../../../../adapters/dialects/index.ts';
import { kindOf } from '../../../../adapters/dialects/kind.ts';
import { layers } from '../../../../adapters/dialects/layers/layers.ts';
import { Heads } from '../../../../adapters/logs/heads.ts';
import { hasher, hexOf } from '../../../../adapters/logs/id-hash.ts';
import type { LogRecord } from '../../../../adapters/logs/log.ts';
import { Connection } from '../../../../adapters/logs/postgres/database.ts';
import { migrate } from '../../../../adapters/logs/postgres/migrate.ts';
import { openPostgres } from '../../../../adapters/logs/postgres/open.ts';
import { migrations, SCHEMA } from '../../../../adapters/logs/postgres/schema.ts';
import { configOf } from '../../../../adapters/logs/postgres/url.ts';
import { encodePage } from '../../../../adapters/logs/record.ts';
import type { Store } from '../../../../adapters/logs/store.ts';
import { rules } from '../../../contracts/dialect.ts';
import { never, record, SHOP, START, storeOptions } from '../../../contracts/log.ts';
import { describe } from '../../../support/describe.ts';
import type { Databases } from '../../../support/postgres-databases.ts';
import { sharedPostgres } from '../../../support/postgres-shared.ts';
import { until } from '../../../support/until.ts';

const ids = (stored: readonly { event: { event_id: string } }[]) => stored.map(({ event }) => event.event_id);

describe('records in PostgreSQL', ({ it, before, beforeEach, afterEach }) => {
  let postgres: Databases;
  let url: string;
  let own: Connection;
  const stores: Store[] = [];
  before(async () => {
    postgres = await sharedPostgres();
  });
  beforeEach(async () => {
    url = await postgres.createDatabase();
    own = new Connection(configOf(url, false, 'test'));
  });
  afterEach(async () => {
    await Promise.all(stores.splice(0).map((store) => store.close()));
    await own.close();
  });

  const open = async (): Promise<Store> => {
    const store = await openPostgres(url, storeOptions());
    stores.push(store);
    return store;
  };
  const formats = async (): Promise<number[]> =>
    (await own.ask(`select get_byte(page, 8) as format from ${SCHEMA}.pages order by first`)).map(({ format }) =>
      Number(format),
    );
  const setting = async (name: string) =>
    (await own.ask(`select value from ${SCHEMA}.settings where name = $1`, [name]))[0]?.value;
  /** A process of the version before, as it counts itself in and stays. */
  const beatAsOld = () =>
    own.ask(
      `insert into ${SCHEMA}.processes (id, kind, connections, beat) values ('00000000-0000-0000-0000-000000000001', 'web', 2, now())
       on conflict (id) do update set beat = now()`,
    );
  /** The database as the version before left it, with one event. */
  const begunByOld = async (): Promise<void> => {
    await own.transaction((ask) =>
      migrate(
        ask,
        migrations.filter(({ number }) => number <= 2),
      ),
    );
    await appendAsOld(record(['old']));
  };
  const appendAsOld = async ({ dialect, context, body, events }: LogRecord): Promise<void> => {
    const heads = events.map(({ id }) => ({ hash: hasher('').id(id), kind: 0, flags: 0 }));
    const page = encodePage([{ dialect, context, body, heads: Heads.of(heads, [...events.keys()]) }], 1);
    const day = new Date(START).toISOString().slice(0, 10);
    await own.ask(`select ${SCHEMA}.ensure_days_1($1, $1)`, [day]);
    await own.ask(
      `select ${SCHEMA}.append_1($1, $1, $2, $3, $4, $5, $6::uuid[], $7, '{1}', '{0}', '{}', '{}', '{}', '{}', '{}', '{}', 3)`,
      [day, [SHOP], page, [page.length], [START], heads.map(({ hash }) => hexOf(hash)), heads.map(() => 1)],
    );
  };

  it('have format 2 and a key of their own from the first on, in a database that was empty', async () => {
    const { log } = await open();
    await log.append(record(['a']));
    assert.equal(await formats(), [2]);
    assert.match(String(await setting('key')), /^[0-9a-f]{32}$/);
    const [row] = await own.ask(`select hash from ${SCHEMA}.ids`);
    assert.is(String(row?.hash).replaceAll('-', ''), hexOf(hasher(String(await setting('key'))).id('a')));
    assert.is((await log.find(SHOP, 'a'))?.position, 1);
  });

  it('give events the ids under which they are stored, whichever version derived them and in whichever format', async () => {
    const saying = (query: string) => {
      const body = `{"events":[{"event_type":"search","timestamp":"2026-06-01T11:59:00Z","session_id":"s","query":"${query}","n":820982911946154508},{"event_type":"search","timestamp":"2026-06-01T11:59:00Z","session_id":"${query}","device_id":"${query}","query":"q","event_id":"undefined"}]}`;
      return { ...record([]), dialect: 'layers', body: Buffer.from(body), ...layers.read(body, rules) };
    };
    /** As the version before reads and stores it. */
    const asOld = (one: LogRecord): LogRecord => ({
      ...one,
      events: view('layers', one.body.toString(), [0, 1], one.context, [0, 0]).map(({ event_id: id }, index) => ({
        id,
        index,
      })),
    });
    await begunByOld();
    await appendAsOld(asOld(saying('a')));
    await beatAsOld();
    const store = await openPostgres(url, { ...storeOptions(), view, contents });
    stores.push(store);
    const { log } = store;
    // Beside a process of the version before, which takes "undefined" for an id.
    const beside = saying('b');
    const kindsOf = async (one: LogRecord) => (await log.append(one)).map(({ kind }) => kind);
    assert.equal(await kindsOf(beside), ['stored', 'stored']);
    assert.equal(await kindsOf(beside), ['duplicate', 'duplicate']);
    await own.ask(`delete from ${SCHEMA}.processes where kind = 'web'`);
    await until(async () => (await setting('format')) === '2');
    assert.equal(await kindsOf(saying('c')), ['stored', 'stored']);
    assert.equal(await formats(), [1, 1, 1, 2]);
    const stored = await log.read(SHOP, 1, 10, never);
    assert.equal(
      ids(stored),
      [asOld(saying('a')), asOld(beside), saying('c')].flatMap(({ events }) => events.map(({ id }) => id)),
    );
    const known = [
      asOld(saying('a')).events,
      asOld(beside).events.slice(0, 1),
      beside.events.slice(1),
      saying('c').events,
    ];
    const positions = known.flat().map(async ({ id }) => (await log.find(SHOP, id))?.position);
    assert.equal(
      await Promise.all(positions),
      stored.map(({ position }) => position),
    );
  });

  it('keep kinds, flags and orders beside the ids', async () => {
    const { log } = await open();
    const kind = kindOf('purchase', 's', undefined);
    await log.append({
      ...record(['a', 'b']),
      events: [
        { id: 'a', index: 0, kind, order: 'order 7' },
        { id: 'b', index: 1, derived: 1 },
      ],
    });
    const rows = await own.ask(
      `select kind, flags, order_key is not null as ordered from ${SCHEMA}.ids order by position`,
    );
    assert.equal(rows, [
      { kind: kind | 0, flags: 4, ordered: true },
      { kind: null, flags: 16, ordered: false },
    ]);
  });

  it('of a database that the version before began are read and known, and its ids stay hashed without a key', async () => {
    await begunByOld();
    const { log } = await open();
    assert.is(await setting('key'), '');
    assert.equal(
      (await log.append(record(['old', 'new']))).map(({ kind }) => kind),
      ['duplicate', 'stored'],
    );
    assert.equal(ids(await log.read(SHOP, 0, 10, never)), ['old', 'new']);
    assert.equal(await formats(), [1, 2]);
  });

  it('keep format 1 as long as a process of the version before is here, and it is kept out from then on', async () => {
    await begunByOld();
    await own.transaction((ask) => migrate(ask));
    await beatAsOld();
    const { log } = await open();
    await log.append(record(['a']));
    // What either writes the other reads and knows.
    await appendAsOld(record(['b']));
    assert.equal(
      (await log.append(record(['b', 'c']))).map(({ kind }) => kind),
      ['duplicate', 'stored'],
    );
    assert.equal(await formats(), [1, 1, 1, 1]);
    assert.equal([await setting('format'), await worksFrom()], ['1', 1]);
    await own.ask(`delete from ${SCHEMA}.processes where format = 1`);
    await until(async () => (await setting('format')) === '2');
    await log.append(record(['d']));
    assert.equal(await formats(), [1, 1, 1, 1, 2]);
    assert.equal(ids(await log.read(SHOP, 0, 10, never)), ['old', 'a', 'b', 'c', 'd']);
    await beatAsOld().then(
      () => assert.unreachable('counted in'),
      (error: unknown) =>
        assert.match(String((error as Error).message), /the log has format 2: deploy a newer version/),
    );
    await own
      .transaction((ask) =>
        migrate(
          ask,
          migrations.filter(({ number }) => number <= 2),
        ),
      )
      .then(
        () => assert.unreachable('started'),
        ({ message }) =>
          assert.match(message, /by a newer version, which this version cannot work with; deploy that version/),
      );
  });

  const worksFrom = async (): Promise<number> =>
    Number((await own.ask(`select max(works_from) as works from ${SCHEMA}.migrations`))[0]?.works);

  it('bring an event out of quarantine once, whichever process does', async () => {
    const [one, two] = [await open(), await open()];
    await one.log.append(record([], { refused: [{ index: 0, code: 'invalid', reasons: ['no'], raw: '{}' }] }));
    const [kept] = await one.state.quarantine.page(SHOP, { limit: 1 });
    const again = (n: number) => ({ ...record([`a${n}`]), released: [{ id: kept!.id, code: 'invalid' }] });
    const verdicts = await Promise.all([one, two, one, two].map(({ log }, n) => log.append(again(n))));
    assert.equal(
      verdicts
        .flat()
        .map(({ kind }) => kind)
        .sort(),
      ['duplicate', 'duplicate', 'duplicate', 'stored'],
    );
    assert.equal(await one.log.tally(SHOP), { received: 1, appended: 1, duplicate: 0, quarantined: { invalid: 0 } });
  });
});
