import { cpSync, existsSync, mkdirSync, renameSync, rmSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { readMark, writeMark } from '../../../../adapters/logs/lmdb/mark.ts';
import { openLmdb } from '../../../../adapters/logs/lmdb/open.ts';
import { DAMAGED, damageBy, isDamage } from '../../../../adapters/logs/lmdb/probe.ts';
import { setAside } from '../../../../adapters/logs/lmdb/restoration.ts';
import type { DamageReport, Store } from '../../../../adapters/logs/store.ts';
import { randomBits } from '../../../bench/bodies.ts';
import { never, OTHER, record, SHOP, START, storeOptions } from '../../../contracts/log.ts';
import { damageFile, fileDamages } from '../../../support/damage.ts';
import { describe } from '../../../support/describe.ts';
import { temporaryFolder } from '../../../support/folder.ts';

const EVENTS = 4000;
/** In the middle of a request. */
const SETTLED = 1010;
const ID = { shop: SHOP, pipeline: 'p' };
const NOW = AbortSignal.abort();

describe('a damaged LMDB file', ({ it, before, after }) => {
  const home = temporaryFolder();
  const good = join(home.path, 'good');
  let copies = 0;
  before(async () => {
    const { log, state, close } = await openLmdb(good, storeOptions());
    await state.cursors.begin(ID, 0);
    for (let n = 0; n < EVENTS; n += 20)
      await log.append(
        record(
          Array.from({ length: 20 }, (_, i) => `e${n + i}`),
          { at: START + n },
        ),
      );
    const cursor = await state.cursors.claim(ID, never);
    await cursor.save({ progress: { ...cursor.progress, position: SETTLED, delivered: SETTLED } });
    await close();
  });
  after(() => home.remove());
  const copy = (): string => {
    copies += 1;
    const folder = join(home.path, String(copies));
    cpSync(good, folder, { recursive: true, filter: (path) => !path.endsWith('.sock') });
    return folder;
  };

  async function opened(
    folder: string,
    look: (store: Store, reports: DamageReport[], corrupt: number) => Promise<void>,
  ) {
    const reports: DamageReport[] = [];
    let corrupt = 0;
    const onCorrupt = (_shop: string, from: number, to: number): void => {
      corrupt += to - from + 1;
    };
    const store = await openLmdb(folder, storeOptions({ onDamage: (report) => reports.push(report), onCorrupt }));
    try {
      const stored = await store.log.read(SHOP, 0, EVENTS, NOW);
      await look(store, reports, corrupt);
      return stored.map(({ event }) => event.event_id);
    } finally {
      await store.close();
    }
  }

  for (const [name, damage] of Object.entries(fileDamages)) {
    const { kept, told } = damage;
    it(`that ${name} stops nothing, and what is intact in it is kept`, async () => {
      const folder = copy();
      const bits = randomBits(7);
      damageFile(folder, damage, (below) => bits() % below);
      const ids = await opened(folder, async ({ log, state }, reports, corrupt) => {
        assert.equal(await log.append(record(['new'])), [
          { kind: 'stored', position: (await log.extent(SHOP)).newest },
        ]);
        if (told) assert.is(reports.length, 1);
        const { events = 0, aside } = reports[0] ?? {};
        if (aside) {
          assert.ok(statSync(join(aside, 'data.mdb')));
          // What was finished by then is not delivered again, and what was not is.
          const started = (await state.cursors.progress(ID))?.start ?? 0;
          assert.ok(started <= SETTLED && started >= Math.min(events, SETTLED) * 0.9, `starts after ${started}`);
        } else assert.ok((await log.extent(SHOP)).newest - corrupt >= EVENTS * kept);
      });
      assert.ok(ids.length >= EVENTS * kept, `${ids.length} of ${EVENTS} were kept`);
      assert.is(new Set(ids).size, ids.length);
    });
  }

  it('is restored by the next start where one ends in the middle of it', async () => {
    for (const moved of [true, false]) {
      const folder = copy();
      const { aside } = setAside(folder, 'noise', readMark(folder), START);
      // Ended before the file was moved, or while a new one was being filled.
      if (!moved) renameSync(join(aside, 'data.mdb'), join(folder, 'data.mdb'));
      else
        await openLmdb(join(home.path, `part-${copies}`), storeOptions()).then(async ({ log, close }) => {
          await log.append(record(['e0']));
          await close();
          cpSync(join(home.path, `part-${copies}`, 'data.mdb'), join(folder, 'data.mdb'));
        });
      const ids = await opened(folder, async ({ state }, [report]) => {
        assert.equal(report, { reason: 'noise', aside, events: EVENTS });
        assert.is((await state.cursors.progress(ID))?.start, 1000);
      });
      assert.is(ids.length, EVENTS);
      await opened(folder, async (_, reports) => assert.equal(reports, []));
    }
  });

  it('is restored whole where its bodies are large', async () => {
    const folder = join(home.path, 'large');
    const first = await openLmdb(folder, storeOptions());
    const pad = 'x'.repeat(1024 * 1024);
    for (let n = 0; n < 70; n++) await first.log.append(record([`${n}`, pad + n], { at: START + n }));
    await first.close();
    setAside(folder, 'noise', readMark(folder), START);
    const { log, close } = await openLmdb(folder, storeOptions());
    assert.equal(await log.extent(SHOP), { oldest: 1, newest: 140 });
    await close();
    rmSync(folder, { recursive: true });
  });

  it('forgets no pipeline whose shop had no events when it began', async () => {
    const folder = join(home.path, 'young');
    const { state, close } = await openLmdb(folder, storeOptions());
    await state.cursors.begin(ID);
    assert.equal(readMark(folder)?.pipelines, [{ ...ID, settledAt: 0 }]);
    await close();
  });

  it('that is gone is missed', async () => {
    const folder = copy();
    unlinkSync(join(folder, 'data.mdb'));
    await opened(folder, async ({ log }, [report]) => {
      assert.is(report?.reason, 'the file is missing');
      await log.append(record(['new']));
    });
  });

  it('that is older than it was is told by its mark', async () => {
    const folder = copy();
    const mark = readMark(folder);
    await writeMark(folder, { shops: { ...mark?.shops, [SHOP]: EVENTS + 5 }, pipelines: [] });
    await opened(folder, async (_, [report]) => {
      assert.is(report?.reason, `${SHOP} ends at ${EVENTS}, and had come to ${EVENTS + 5} before`);
    });
  });

  it('with a garbage lock file is read all the same', async () => {
    const folder = copy();
    writeFileSync(join(folder, 'lock.mdb'), Buffer.alloc(8192, 0xff));
    const ids = await opened(folder, async ({ log }) => void (await log.append(record(['a'], { shop: OTHER }))));
    assert.is(ids.length, EVENTS);
  });

  it('of something else is put aside', async () => {
    const folder = join(home.path, 'else');
    mkdirSync(folder);
    writeFileSync(join(folder, 'data.mdb'), 'a text, not a log\n'.repeat(1000));
    await opened(folder, async ({ log }, [report]) => {
      assert.ok(report);
      await log.append(record(['new']));
    });
  });

  it('that is a folder is put aside', async () => {
    const folder = copy();
    unlinkSync(join(folder, 'data.mdb'));
    mkdirSync(join(folder, 'data.mdb'));
    await opened(folder, async ({ log }, [report]) => {
      assert.ok(report?.aside);
      await log.append(record(['new']));
    });
  });

  it('is told from one that could not be read for other reasons', () => {
    for (const signal of ['SIGSEGV', 'SIGBUS', 'SIGABRT'] as const)
      assert.is(damageBy({ code: null, signal, words: '' }), `reading it ended with ${signal}`);
    const words = 'Error: MDB_INVALID: File is not an LMDB file';
    assert.is(damageBy({ code: DAMAGED, signal: null, words }), `reading it failed: ${words}`);
    for (const signal of ['SIGKILL', 'SIGTERM'] as const)
      assert.throws(() => damageBy({ code: null, signal, words: '' }), /left as it is/);
    assert.throws(() => damageBy({ code: 1, signal: null, words: 'Error: EMFILE' }), /EMFILE.*left as it is/);
    const failed = (code: number | string, more = {}) => isDamage(Object.assign(new Error(), { code, ...more }));
    assert.equal(
      [-30796, -30794, -30793, 21].map((code) => failed(code)),
      [true, true, true, true],
    );
    assert.equal(
      [5, 12, 24].map((code) => failed(code)),
      [false, false, false],
    );
    assert.not(failed('EACCES', { syscall: 'stat' }));
    assert.ok(isDamage(new TypeError('undefined')));
  });

  it('is not seen in a good one that cannot be looked into', async () => {
    const folder = copy();
    const before = process.env.NODE_OPTIONS;
    process.env.NODE_OPTIONS = '--no-such-flag';
    try {
      await openLmdb(folder, storeOptions()).then(
        () => assert.unreachable(),
        ({ message }: Error) => assert.match(message, /cannot be told whether .* left as it is/),
      );
    } finally {
      if (before === undefined) delete process.env.NODE_OPTIONS;
      else process.env.NODE_OPTIONS = before;
    }
    assert.not(existsSync(join(folder, 'damaged')));
  });

  it('where its folder should be is an error that says so', async () => {
    const path = join(home.path, 'file');
    writeFileSync(path, '');
    await openLmdb(path, storeOptions()).then(
      () => assert.unreachable(),
      ({ message }: Error) => assert.match(message, /EEXIST|ENOTDIR/),
    );
    rmSync(path);
  });
});
