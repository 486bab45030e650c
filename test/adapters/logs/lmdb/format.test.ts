import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { open } from 'lmdb';
import * as assert from 'uvu/assert';
import { Heads } from '../../../../adapters/logs/heads.ts';
import { hashOfFingerprint } from '../../../../adapters/logs/id-hash.ts';
import { oldFingerprinter } from '../../../../adapters/logs/ids.ts';
import { openLmdb } from '../../../../adapters/logs/lmdb/open.ts';
import { LogUnusable } from '../../../../adapters/logs/log.ts';
import { encodePage } from '../../../../adapters/logs/record.ts';
import { never, OTHER, record, SHOP, START, storeOptions, view } from '../../../contracts/log.ts';
import { describe } from '../../../support/describe.ts';
import { temporaryFolder } from '../../../support/folder.ts';

const HOUR_MS = 3_600_000;

/** A log as the version before format 2 wrote it: each page with its ids. */
async function writeOld(folder: string, pages: readonly { ids: readonly string[]; shop?: string; at?: number }[]) {
  const root = open({ path: folder, encoding: 'binary', maxDbs: 16 } as { path: string });
  const settings = root.openDB<object, string>({ name: 'settings', encoding: 'json' });
  const stored = root.openDB<Buffer, [string, number]>({ name: 'pages', encoding: 'binary' });
  const tallies = root.openDB<object, string>({ name: 'tallies', encoding: 'json' });
  const fingerprint = oldFingerprinter(5, 6);
  await settings.put('fingerprints', { seeds: [5, 6] });
  const heads = new Map<string, number>();
  for (const { ids, shop = SHOP, at = START } of pages) {
    const { dialect, context, body, events } = record(ids, { shop, at });
    const old = events.map(({ id }) => ({ hash: hashOfFingerprint(fingerprint(id)), kind: 0, flags: 0 }));
    const newest = heads.get(shop) ?? 0;
    await stored.put(
      [shop, newest + 1],
      encodePage([{ dialect, context, body, heads: Heads.of(old, [...ids.keys()]) }], 1),
    );
    heads.set(shop, newest + ids.length);
    const appended = newest + ids.length;
    await tallies.put(shop, { received: appended, appended, duplicate: 0, quarantined: {} });
  }
  await root.close();
}

describe('a log of format 1', ({ it, beforeEach, afterEach }) => {
  let folder = temporaryFolder();
  beforeEach(() => {
    folder = temporaryFolder();
  });
  afterEach(() => folder.remove());

  const many = (from: number, count: number) => Array.from({ length: count }, (_, n) => `e${from + n}`);

  it('is read, and its ids are known by their 64 bits; nothing is parsed for it', async () => {
    await writeOld(folder.path, [{ ids: many(0, 50) }, { ids: many(50, 50) }, { ids: ['e0'], shop: OTHER }]);
    let views = 0;
    const options = storeOptions({
      view: (...args) => {
        views += 1;
        return view(...args);
      },
    });
    for (const round of [0, 1]) {
      const { log, close } = await openLmdb(folder.path, options);
      const verdicts = await log.append(record(['e0', 'e77', `new${round}`, 'e99', 'e77']));
      assert.equal(verdicts, [
        { kind: 'duplicate', position: 1 },
        { kind: 'duplicate', position: 78 },
        { kind: 'stored', position: 101 + round },
        { kind: 'duplicate', position: 100 },
        { kind: 'duplicate', position: 78 },
      ]);
      assert.is(views, 0);
      if (round === 1) assert.equal((await log.append(record(['new0'])))[0], { kind: 'duplicate', position: 101 });
      await close();
    }
    const { log, close } = await openLmdb(folder.path, options);
    const read = await log.read(SHOP, 0, 1000, never);
    assert.equal(
      read.map(({ event }) => event.event_id),
      [...many(0, 100), 'new0', 'new1'],
    );
    assert.is((await log.find(SHOP, 'e42'))?.position, 43);
    await close();
  });

  it('gives events that are older than what dedup knows, by their ids too', async () => {
    await writeOld(folder.path, [{ ids: many(0, 50), at: START - 48 * HOUR_MS }, { ids: many(50, 50) }]);
    const { log, close } = await openLmdb(folder.path, storeOptions());
    assert.is((await log.find(SHOP, 'e7'))?.position, 8);
    assert.is((await log.find(SHOP, 'e70'))?.position, 71);
    assert.equal(
      (await log.append(record(['e7', 'e70']))).map(({ kind }) => kind),
      ['stored', 'duplicate'],
    );
    await close();
  });

  it('is not opened by the version that knows no other, once it was opened by this one', async () => {
    await writeOld(folder.path, [{ ids: ['a'] }]);
    await (await openLmdb(folder.path, storeOptions())).close();
    const root = open({ path: folder.path, encoding: 'binary', maxDbs: 16 } as { path: string });
    const settings = root.openDB<object, string>({ name: 'settings', encoding: 'json' });
    assert.throws(() => settings.get('fingerprints'), /newer log, format 2/);
    await root.close();
  });

  it('of a format that this version does not know is refused in a sentence, and left as it is', async () => {
    await (await openLmdb(folder.path, storeOptions())).close();
    const root = open({ path: folder.path, encoding: 'binary', maxDbs: 16 } as { path: string });
    const settings = root.openDB<string, string>({ name: 'settings', encoding: 'string' });
    await settings.put('format', JSON.stringify({ ...JSON.parse(settings.get('format') ?? ''), format: 3 }));
    await root.close();
    const before = readFileSync(join(folder.path, 'data.mdb'));
    await openLmdb(folder.path, storeOptions()).then(
      () => assert.unreachable('opened'),
      (error) => {
        assert.instance(error, LogUnusable);
        assert.match(
          error.message,
          /has format 3, and this version knows formats up to 2; run the version that wrote it/,
        );
      },
    );
    assert.ok(readFileSync(join(folder.path, 'data.mdb')).equals(before));
  });

  it('is salvaged where it was damaged', async () => {
    await writeOld(folder.path, [{ ids: many(0, 50) }, { ids: many(50, 50) }]);
    const file = openSync(join(folder.path, 'data.mdb'), 'r+');
    writeSync(file, Buffer.alloc(8192, 7), 0, 8192, 0);
    closeSync(file);
    const { log, close } = await openLmdb(folder.path, storeOptions());
    assert.is((await log.extent(SHOP)).newest, 100);
    assert.is((await log.append(record(['e3'])))[0]?.kind, 'duplicate');
    await close();
  });
});
