import { closeSync, mkdirSync, openSync, readFileSync, rmdirSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { open } from 'lmdb';
import * as assert from 'uvu/assert';
import { HAS_ORDER, OLD, REUSED } from '../../../../adapters/logs/head.ts';
import { Heads } from '../../../../adapters/logs/heads.ts';
import { IdTable, oldFingerprinter } from '../../../../adapters/logs/ids.ts';
import { Dedup } from '../../../../adapters/logs/lmdb/dedup.ts';
import { readMark } from '../../../../adapters/logs/lmdb/mark.ts';
import { openLmdb } from '../../../../adapters/logs/lmdb/open.ts';
import type { Stored } from '../../../../adapters/logs/log.ts';
import { Page } from '../../../../adapters/logs/page.ts';
import { encodePage, headAt, openRecord, recordAt, recordsOf } from '../../../../adapters/logs/record.ts';
import { never, OTHER, record, SHOP, START, storeOptions, view } from '../../../contracts/log.ts';
import { describe } from '../../../support/describe.ts';
import { temporaryFolder } from '../../../support/folder.ts';
import { countTurns } from '../../../support/turns.ts';

describe('the LMDB log on disk', ({ it, beforeEach, afterEach }) => {
  let folder = temporaryFolder();
  beforeEach(() => {
    folder = temporaryFolder();
  });
  afterEach(() => folder.remove());

  it('is used by one process at a time, and says so', async () => {
    const first = await openLmdb(folder.path, storeOptions());
    await openLmdb(folder.path, storeOptions()).then(
      () => assert.unreachable('two owners'),
      (error) => assert.match(error.message, /in use by another process/),
    );
    await first.close();
    await (await openLmdb(folder.path, storeOptions())).close();
  });

  it('gives a gap, not a wrong event, where bytes changed on disk', async () => {
    const corrupt: number[][] = [];
    const options = storeOptions({ onCorrupt: (_shop, from, to) => corrupt.push([from, to]) });
    const before = await openLmdb(folder.path, options);
    const pad = 'x'.repeat(9000);
    for (const id of ['a', 'b', 'c']) await before.log.append(record([`${id}${pad}`]));
    await before.close();
    flip(join(folder.path, 'data.mdb'), `"b${pad}`);
    const after = await openLmdb(folder.path, options);
    const stored = await after.log.read(SHOP, 0, 10, never);
    await after.close();
    assert.equal(
      stored.map(({ position }) => position),
      [1, 3],
    );
    assert.equal(corrupt, [[2, 2]]);
  });

  it('stores nothing on top of a commit that is not in the file', async () => {
    let failure: Error | undefined;
    const options = storeOptions({ onFailure: (error) => (failure = error) });
    const before = await openLmdb(folder.path, options);
    await before.log.append(record(['a']));
    const file = open({ path: folder.path, overlappingSync: false });
    const commits = file.openDB<string, string>({ name: 'commits', encoding: 'string', useVersions: true });
    await commits.put('last', '', 0);
    await before.log.append(record(['b'])).then(
      () => assert.unreachable('stored'),
      (error) => assert.match(error.message, /the commit failed/),
    );
    assert.match(String(failure), /the commit before it is not in the file/);
    await before.close();
    await file.close();
    const after = await openLmdb(folder.path, options);
    assert.equal(await after.log.extent(SHOP), { oldest: 1, newest: 1 });
    await after.close();
  });

  it('forgets ids after their time although the clock was set back', async () => {
    const hourMs = 3_600_000;
    let now = START;
    const { log, close } = await openLmdb(folder.path, storeOptions({ now: () => now }));
    const append = async (id: string) => (await log.append(record([id])))[0]?.kind;
    const upkeep = () => log.trim({ before: new Date(0), passed: () => 0, maxBytes: 1e9 });
    await append('a');
    now -= 30 * 24 * hourMs;
    await append('b');
    await upkeep();
    assert.is(await append('a'), 'duplicate');
    now += 25 * hourMs;
    await append('c');
    await upkeep();
    assert.is(await append('a'), 'stored');
    await close();
  });

  it('knows the newest ids of all shops together, as many as it may, also after a restart', async () => {
    const minuteMs = 60_000;
    let now = START;
    const crowded: number[] = [];
    const options = storeOptions({ dedupMax: 100, now: () => now, onDedupShortened: (ms) => crowded.push(ms) });
    const first = await openLmdb(folder.path, options);
    let { log } = first;
    const append = async (shop: string, id: string) => (await log.append(record([id], { shop, at: now })))[0]?.kind;
    const known = async (shop: string) => {
      const kinds = [];
      for (let n = 0; n < 60; n++) kinds.push(await append(shop, `${n}`));
      return kinds.filter((kind) => kind === 'duplicate').length;
    };
    await append(OTHER, 'other');
    for (let n = 0; n < 60; n++, now += minuteMs) await append(SHOP, `${n}`);
    assert.is(await known(SHOP), 60);
    assert.equal(crowded, []);
    for (let n = 60; n < 130; n++, now += minuteMs) await append(SHOP, `${n}`);
    assert.is(await append(SHOP, '129'), 'duplicate');
    assert.is(await append(SHOP, '40'), 'duplicate');
    assert.is(await append(OTHER, 'other'), 'stored');
    assert.is(await append(SHOP, '5'), 'stored');
    assert.equal(crowded.map((ms) => Math.round(ms / minuteMs)).slice(0, 1), [99]);
    await first.close();
    const second = await openLmdb(folder.path, options);
    log = second.log;
    assert.is(await append(SHOP, '129'), 'duplicate');
    assert.is(await append(SHOP, '40'), 'duplicate');
    assert.is(await append(SHOP, '10'), 'stored');
    await second.close();
  });

  /** An id that does not stand in the body as it is, so that only parsing tells whether it is there. */
  const escaped = (n: number) => {
    const id = `a${n}`;
    return { ...record([id]), body: Buffer.from(`["\\u0061${n}"]`) };
  };

  it('tells repeats from what it keeps beside the bodies, and parses none', async () => {
    const { options, views } = countingViews();
    const first = await openLmdb(folder.path, options);
    for (let n = 0; n < 40; n++) await first.log.append(escaped(n));
    await first.close();
    const { log, close } = await openLmdb(folder.path, options);
    const ids = Array.from({ length: 40 }, (_, n) => `a${n}`);
    const verdicts = await log.append(record([...ids, 'b', 'a0', 'b']));
    assert.equal(verdicts, [
      ...ids.map((_, i) => ({ kind: 'duplicate', position: i + 1 })),
      { kind: 'stored', position: 41 },
      { kind: 'duplicate', position: 1 },
      { kind: 'duplicate', position: 41 },
    ]);
    assert.is(views(), 0);
    await close();
  });

  it('has who looks back far wait in a line of his own, and others not at all', async () => {
    const { log, close } = await openLmdb(folder.path, storeOptions());
    const ids = Array.from({ length: 100 }, (_, n) => `a${n}`);
    for (const shop of [SHOP, OTHER]) await log.append(record(ids, { shop }));
    const ends: string[] = [];
    const appends = Array.from({ length: 200 }, async (_, n) => {
      const verdicts = await log.append(record(ids));
      ends.push(`${n}`);
      return verdicts;
    });
    const other = log.append(record(['a1', 'b1'], { shop: OTHER })).then(() => ends.push('other'));
    const verdicts = await Promise.all(appends);
    await other;
    assert.ok(ends.indexOf('other') < 20, `answered after ${ends.indexOf('other')}`);
    for (const one of verdicts) assert.ok(one.every(({ kind }) => kind === 'duplicate'));
    await close();
  });

  it('refuses what would wait too long to be compared, and what waits when it is closed', async () => {
    const { log, close } = await openLmdb(folder.path, storeOptions());
    const ids = Array.from({ length: 64 }, (_, n) => `a${n}`);
    for (const shop of [SHOP, OTHER]) await log.append(record(ids, { shop }));
    const reasonsOf = async (appends: readonly Promise<unknown>[]) =>
      (await Promise.allSettled(appends)).flatMap((end) => (end.status === 'rejected' ? [end.reason.message] : []));
    const reasons = reasonsOf(Array.from({ length: 260 }, () => log.append(record(ids))));
    const others = reasonsOf([log.append(record(ids, { shop: OTHER }))]);
    assert.is((await reasons).length, 2);
    assert.match((await reasons)[0], /too many requests of demo/);
    assert.equal(await others, []);
    const waiting = Array.from({ length: 3 }, () => log.append(record(ids)));
    const closed = reasonsOf([...waiting, close()]);
    assert.equal(await closed, ['the log is closed']);
  });

  it('stores an event out of quarantine once, whoever brings it, and counts it once', async () => {
    const { log, state, close } = await openLmdb(folder.path, storeOptions({ dedupMs: -1 }));
    await log.append(record([], { refused: [{ index: 0, code: 'invalid', reasons: ['no'], raw: '{}' }] }));
    const [kept] = await state.quarantine.page(SHOP, { limit: 1 });
    const again = () => ({ ...record(['a']), released: [{ id: kept!.id, code: 'invalid' }] });
    await Promise.all([log.append(again()), log.append(again())]);
    await log.trim({ before: new Date(0), passed: () => 0, maxBytes: 1e12 });
    assert.equal(await log.append(again()), [{ kind: 'duplicate', position: 0 }]);
    assert.equal(await log.tally(SHOP), { received: 1, appended: 1, duplicate: 0, quarantined: { invalid: 0 } });
    await close();
  });

  it('knows no more ids than it may although many shops share them, and in the end none of shops that are silent', () => {
    let now = START;
    const dedup = new Dedup(storeOptions({ dedupMax: 1000, dedupMs: 64_000, now: () => now }));
    const shops = Array.from({ length: 64 }, () => dedup.open());
    const sum = () => shops.reduce((all, { ids }) => all + ids.size, 0);
    let most = 0;
    for (let position = 1; position <= 200; position++)
      for (const [i, known] of shops.entries()) {
        now += 1;
        known.ids.add(position, i, position);
        dedup.mark(known, position);
        most = Math.max(most, sum());
      }
    assert.ok(most <= 1000 + 64, `${most} ids`);
    now += 2000;
    dedup.forgetOld();
    now += 70_000;
    dedup.forgetOld();
    assert.is(sum(), 0);
  });

  it('finds times among many pages without reading them all, also where the clock was set back', async () => {
    const { log, close } = await openLmdb(folder.path, storeOptions());
    const hourMs = 3_600_000;
    // Every half hour a page; after 50 hours the clock goes back by three quarters of one.
    const times = Array.from({ length: 200 }, (_, n) => START + n * (hourMs / 2) - (n < 100 ? 0 : 0.75 * hourMs));
    for (const [n, at] of times.entries()) await log.append(record([`${n}`], { at }));
    const turns = countTurns();
    for (const time of [START - 1, START + 1, ...times, START + 1000 * hourMs]) {
      const first = times.findIndex((at) => at >= time);
      const before = turns.count();
      assert.is(await log.before(SHOP, time), first < 0 ? times.length : first);
      const taken = turns.count() - before;
      assert.ok(taken >= 3 && taken < 30, `${taken} turns`);
    }
    turns.stop();
    await close();
  });

  it('notes how far pipelines have come without reading events', async () => {
    const { options, views } = countingViews();
    const { log, state, close } = await openLmdb(folder.path, options);
    await log.append(record(['a']));
    await log.append(record(['b'], { at: START + 5 }));
    for (const pipeline of ['p', 'q']) {
      const id = { shop: SHOP, pipeline };
      await state.cursors.begin(id, 0);
      const cursor = await state.cursors.claim(id, never);
      await cursor.save({ progress: { ...cursor.progress, position: 2 } });
    }
    await close();
    assert.is(views(), 0);
    assert.equal(
      readMark(folder.path)?.pipelines.map(({ settledAt }) => settledAt),
      [START + 5, START + 5],
    );
  });

  it('goes on where its mark cannot be written, whatever the reason, and says so once', async () => {
    const told: string[] = [];
    const options = storeOptions({ onUnmarked: ({ message }) => told.push(message) });
    const { log, state, close } = await openLmdb(folder.path, options);
    mkdirSync(join(folder.path, 'mark.json.new'));
    await log.append(record(['a']));
    await state.cursors.begin({ shop: SHOP, pipeline: 'p' }, 0);
    await log.trim({ before: new Date(0), passed: () => 0, maxBytes: 1e12 });
    assert.equal((await log.append(record(['b'])))[0], { kind: 'stored', position: 2 });
    assert.is(told.length, 1);
    assert.match(told[0] ?? '', /EISDIR/);
    rmdirSync(join(folder.path, 'mark.json.new'));
    await close();
    assert.is(readMark(folder.path)?.shops[SHOP], 2);
  });

  it('removes the oldest of many shops in few commits, whatever is past its size', async () => {
    const { log, close } = await openLmdb(folder.path, storeOptions());
    const shops = Array.from({ length: 30 }, (_, n) => `s${n}.myshopify.com`);
    for (const round of [0, 1])
      await Promise.all(
        shops.map((shop, n) =>
          log.append(record([`${round}${'x'.repeat(10_000)}`], { shop, at: START + round * 100 + n })),
        ),
      );
    const file = open({ path: folder.path, overlappingSync: false });
    const commits = () => (file.getStats() as { lastTxnId: number }).lastTxnId;
    const before = commits();
    const { events, unpassed } = await log.trim({ before: new Date(0), passed: () => 0, maxBytes: 200_000 });
    assert.is(commits() - before, 1);
    assert.ok(events >= 40 && events < 60, `${events} events`);
    assert.is(
      Object.values(unpassed).reduce((sum, lost) => sum + lost, 0),
      events,
    );
    // The first of each shop, and then the second of those that are oldest.
    for (const [n, shop] of shops.entries())
      assert.equal(await log.extent(shop), { oldest: n < events - 30 ? 3 : 2, newest: 2 });
    await file.close();
    await close();
  });

  it('asks before each commit of its upkeep whether anything can be written', async () => {
    let asked = 0;
    const writesBlockedBy = () => (++asked > 1 ? 'the disk is full' : undefined);
    let options = storeOptions();
    const first = await openLmdb(folder.path, options);
    await first.log.append(record(['a']));
    await first.close();
    options = storeOptions({ writesBlockedBy });
    const { log, close } = await openLmdb(folder.path, options);
    await log.trim({ before: new Date(START + 1), passed: () => 1, maxBytes: 1e9 }).then(
      () => assert.unreachable('removed'),
      ({ message }) => assert.is(message, 'the disk is full'),
    );
    assert.equal(await log.extent(SHOP), { oldest: 1, newest: 1 });
    await close();
  });

  it('lets go of all old journal lines, and of ended dead letters behind any number of open ones', async () => {
    const { log, state, close } = await openLmdb(folder.path, storeOptions());
    const id = { shop: SHOP, pipeline: 'p' };
    await state.cursors.begin(id, 0);
    const ids = Array.from({ length: 2300 }, (_, n) => `${n}`);
    for (let n = 0; n < 2300; n += 100) await log.append(record(ids.slice(n, n + 100)));
    const [stored] = await log.read(SHOP, 0, 1, never);
    const cursor = await state.cursors.claim(id, never);
    const ended = { kind: 'discarded' as const, at: START, attempts: 1, status: '' };
    await Promise.all(
      ids.map((_, n) =>
        cursor.save({
          progress: cursor.progress,
          journal: { from: n + 1, to: n + 1, lanes: 1, batches: [] },
          dead: [
            {
              position: n + 1,
              event: stored!.event,
              reason: '',
              attempts: 1,
              at: START,
              ...(n >= 1200 && { ended }),
            },
          ],
        }),
      ),
    );
    await log.append(record(['new'], { at: START + 10 }));
    const trim = () => log.trim({ before: new Date(START + 5), passed: () => 1e9, maxBytes: 1e9 });
    await trim();
    assert.is((await log.extent(SHOP)).oldest, 2301);
    for (const position of [1, 1000, 1001, 2300]) assert.is(await state.journal.lineAt(id, position), undefined);
    await trim();
    await trim();
    assert.ok(await state.deadLetters.at(id, 1200));
    for (const position of [1201, 2300]) assert.is(await state.deadLetters.at(id, position), undefined);
    await close();
  });

  it('pages large groups and reads them back in order', async () => {
    const store = await openLmdb(folder.path, storeOptions());
    const pad = 'y'.repeat(60_000);
    await Promise.all(Array.from({ length: 60 }, (_, n) => store.log.append(record([`${n}-${pad}`, `${n}`]))));
    const stored: Stored[] = [];
    while (stored.length < 120) stored.push(...(await store.log.read(SHOP, stored.length, 1000, never)));
    assert.equal(
      stored.map(({ position }) => position),
      Array.from({ length: 120 }, (_, i) => i + 1),
    );
    assert.equal(
      stored.filter((_, i) => i % 2 === 1).map(({ event }) => event.event_id),
      Array.from({ length: 60 }, (_, n) => `${n}`),
    );
    await store.close();
  });
});

describe('dead letters in LMDB', ({ it }) => {
  it('are found behind very many that have ended, while others have their turn', async () => {
    const folder = temporaryFolder();
    const { log, state, close } = await openLmdb(folder.path, storeOptions());
    const id = { shop: SHOP, pipeline: 'p' };
    await state.cursors.begin(id);
    await log.append(record(Array.from({ length: 100 }, (_, n) => `e${n}`)));
    const letters = (await log.read(SHOP, 0, 100, never)).map(({ position, event }) => ({
      ...{ position, event, reason: 'no', attempts: 1, at: START },
      ...(position < 100 && { ended: { kind: 'discarded' as const, at: START, attempts: 1, status: 'no' } }),
    }));
    const cursor = await state.cursors.claim(id, never);
    await cursor.save({ progress: cursor.progress, dead: letters });
    let turns = 0;
    setImmediate(() => (turns += 1));
    const found = await state.deadLetters.open(id, { limit: 1 });
    assert.equal([found.map(({ position }) => position), turns], [[100], 1]);
    await close();
    folder.remove();
  });
});
/** Options of a store, and how often it has parsed a record. */
function countingViews() {
  let count = 0;
  const options = storeOptions({
    view: (...args) => {
      count += 1;
      return view(...args);
    },
  });
  return { options, views: () => count };
}

function flip(file: string, text: string): void {
  const at = readFileSync(file).lastIndexOf(text) + 50;
  const handle = openSync(file, 'r+');
  writeSync(handle, Buffer.from('?'), 0, 1, at);
  closeSync(handle);
}

describe('the table of ids', ({ it }) => {
  const fingerprint = oldFingerprinter(1, 2);
  const all = () => true;

  it('finds each of 200,000 ids at its position, and no other', () => {
    const table = new IdTable();
    for (let n = 1; n <= 200_000; n++) table.add(...fingerprint(`id-${n}`), n);
    for (let n = 1; n <= 200_000; n += 97) assert.is(table.find(...fingerprint(`id-${n}`), all), n);
    for (let n = 0; n < 10_000; n++) assert.is(table.find(...fingerprint(`other-${n}`), all), 0);
    assert.ok(table.bytes / 200_000 < 20, `${table.bytes / 200_000} bytes an id`);
  });

  it('goes on to the next entry where an id with the same fingerprint is not the one', () => {
    const table = new IdTable();
    table.add(7, 7, 1);
    table.add(7, 7, 2);
    assert.is(
      table.find(7, 7, (position) => position === 2),
      2,
    );
    assert.is(
      table.find(7, 7, () => false),
      0,
    );
  });

  it('forgets what is behind the floor, and does not grow for ever', () => {
    const table = new IdTable();
    for (let n = 1; n <= 400_000; n++) {
      table.add(...fingerprint(`id-${n}`), n);
      table.forget(n - 10_000);
    }
    assert.is(table.find(...fingerprint('id-1'), all), 0);
    assert.is(table.find(...fingerprint('id-399999'), all), 399_999);
    assert.ok(table.bytes < 10_000 * 8 * 8, `${table.bytes} bytes`);
  });

  it('holds no memory where everything is forgotten', () => {
    const table = new IdTable();
    for (let n = 1; n <= 1000; n++) table.add(...fingerprint(`id-${n}`), n);
    table.forget(999);
    assert.is(table.size, 1);
    assert.ok(table.bytes > 8000);
    table.forget(1000);
    assert.is(table.size, 0);
    assert.is(table.bytes, 0);
  });

  it('keeps positions beyond 2^32', () => {
    const table = new IdTable();
    table.add(...fingerprint('a'), 2 ** 33 + 5);
    table.add(...fingerprint('b'), 2 ** 33 + 6);
    assert.is(table.find(...fingerprint('a'), all), 2 ** 33 + 5);
  });

  it('knows each position around the end of 32 bits', () => {
    for (const end of [2 ** 32, 2 ** 32 - 1, 2 ** 33]) {
      const table = new IdTable();
      const positions = Array.from({ length: 200 }, (_, n) => end - 100 + n);
      for (const position of positions) table.add(...fingerprint(`id-${position}`), position);
      for (const position of positions) assert.is(table.find(...fingerprint(`id-${position}`), all), position);
    }
  });
});

describe('a page', ({ it }) => {
  const context = { shop: SHOP, receivedAt: START, trust: 'public', channel: 'web' } as const;
  const heads = [
    { hash: 'a'.repeat(16), kind: 7, flags: 0 },
    { hash: 'b'.repeat(16), kind: 2 ** 32 - 1, flags: REUSED | HAS_ORDER | (1 << 4), order: 'o'.repeat(8) },
  ];
  const entry = { dialect: 'layers', context, body: Buffer.from('{"events":[]}'), heads: Heads.of(heads, [0, 99]) };

  it('gives back what was put in', () => {
    const records = recordsOf(encodePage([entry, { ...entry, body: Buffer.from('東京') }]));
    assert.is(records.length, 2);
    assert.equal(openRecord(records[0]!), {
      dialect: 'layers',
      context,
      indexes: [0, 99],
      derivations: [0, 0],
      reused: [{ index: 99, derivation: 1 }],
      body: Buffer.from('{"events":[]}'),
    });
    assert.equal([headAt(records[1]!, 0), headAt(records[1]!, 1)], heads);
    assert.is(openRecord(records[1]!)?.body.toString(), '東京');
  });

  it('notices any single changed byte', () => {
    const page = encodePage([entry]);
    for (let i = 0; i < page.length; i++) {
      const changed = Buffer.from(page);
      changed[i] = (changed[i] ?? 0) ^ 0x40;
      const [first] = recordsOf(changed);
      assert.is(first && openRecord(first), undefined, `byte ${i}`);
    }
  });

  const ids = (...names: string[]) => ({
    ...entry,
    dialect: 'test',
    body: Buffer.from(JSON.stringify(names)),
    heads: Heads.of(
      names.map((name) => ({ hash: name.repeat(16), kind: 0, flags: 0 })),
      names.map((_, i) => i),
    ),
  });

  it('says where the event is whose head is looked for, and when events were received', () => {
    const later = { ...ids('c'), context: { ...context, receivedAt: START + 5 } };
    const page = new Page(
      { shop: SHOP, first: 1, bytes: encodePage([ids('a', 'b'), later]), events: 3 },
      storeOptions(),
    );
    assert.is(
      page.positionOf(({ hash }) => hash === 'b'.repeat(16)),
      2,
    );
    assert.is(
      page.positionOf(({ hash }) => hash === 'x'.repeat(16)),
      undefined,
    );
    assert.equal([page.firstSince(START), page.firstSince(START + 1), page.firstSince(START + 6)], [1, 3, undefined]);
  });

  it('of format 1 gives the same events, and 64 bits of each id', () => {
    const bytes = encodePage([ids('a', 'b')], 1);
    const page = new Page({ shop: SHOP, first: 1, bytes, events: 2 }, storeOptions());
    assert.equal(
      [...page.events(1, 2)].map(({ event }) => event.event_id),
      ['a', 'b'],
    );
    assert.is(
      page.positionOf(({ hash, flags }) => hash === 'b'.repeat(8) && flags === OLD),
      2,
    );
  });

  it('is found by how a record begins, whatever its format', () => {
    const many = ids(...Array.from({ length: 99 }, (_, n) => String.fromCharCode(200 + n)));
    for (const format of [1, 2] as const)
      for (const one of [entry, many, ids('a')]) {
        const page = Buffer.concat([Buffer.alloc(50, 2), encodePage([one], format), Buffer.alloc(50, 2)]);
        const found = recordAt(page, page.indexOf('{"dialect"'));
        assert.equal([found?.offset, found?.count], [50, one.heads.count]);
      }
  });

  it('of which some events were known before gives the others', () => {
    const bytes = encodePage([ids('a', 'b'), ids('c', 'd', 'e')]);
    const page = new Page({ shop: SHOP, first: 7, bytes, events: 3, kept: [1, 2, 4] }, storeOptions());
    assert.equal(
      [...page.events(1, 99)].map(({ position, event }) => [position, event.event_id]),
      [
        [7, 'b'],
        [8, 'c'],
        [9, 'e'],
      ],
    );
    assert.is(
      page.positionOf(({ hash }) => hash === 'e'.repeat(16)),
      9,
    );
  });

  it('whose count was damaged gives no event a wrong position', () => {
    const corrupt: number[][] = [];
    const bytes = encodePage([ids('a'), ids('b', 'c'), ids('d')]);
    bytes[recordsOf(bytes)[1]!.offset + 9] = 1;
    const page = new Page(
      { shop: SHOP, first: 1, bytes, events: 4 },
      storeOptions({ onCorrupt: (_shop, from, to) => corrupt.push([from, to]) }),
    );
    assert.equal(
      [...page.events(1, 4)].map(({ position, event }) => [position, event.event_id]),
      [[1, 'a']],
    );
    assert.equal([page.first, page.last], [1, 4]);
    assert.equal(corrupt, [[2, 4]]);
  });
});
