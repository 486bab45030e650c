import * as assert from 'uvu/assert';
import { openMemory } from '../../../adapters/logs/memory/open.ts';
import type { NamedStanding } from '../../../adapters/logs/state/cursors.ts';
import type { Progress } from '../../../adapters/logs/state/progress.ts';
import { createLogger } from '../../../server/base/logger.ts';
import { isOrphaned, orphanOf } from '../../../server/deliver/orphaned.ts';
import type { PipelineStatus, Pipelines } from '../../../server/deliver/pipelines.ts';
import { Orphans, passedBy } from '../../../server/operate/orphans.ts';
import { never, OTHER, record, SHOP, START, storeOptions } from '../../contracts/log.ts';
import { TestClock } from '../../support/clock.ts';
import { describe } from '../../support/describe.ts';

const upTo = (newest: number) => ({ newest, oldestAt: undefined });
const standing = (pipeline: string, fields: Partial<Progress> = {}, moved = false): NamedStanding => ({
  id: { shop: SHOP, pipeline },
  moved,
  progress: { position: 3, start: 0, delivered: 3, dead: 0, filtered: {}, dropped: {}, ...fields },
});

describe('an orphan', ({ it }) => {
  it('owes what came up to the moment it left, or up to now where that is not known yet', () => {
    assert.is(orphanOf(standing('p', { left: { at: START, newest: 5 } }), upTo(9))?.pending, 2);
    assert.is(orphanOf(standing('p'), upTo(9))?.pending, 6);
    assert.is(
      orphanOf(standing('p', { left: { at: START, newest: 2 } }), upTo(9))?.pending,
      0,
      'another process moved it on',
    );
  });

  it('is no replay, and nothing that another process moves', () => {
    assert.is(orphanOf(standing('p-r12'), upTo(9)), undefined);
    assert.is(orphanOf(standing('p', {}, true), upTo(9)), undefined);
    assert.ok(orphanOf(standing('p', { suspended: { reason: 'by hand', at: START } }, true), upTo(9)));
  });

  it('is one as long as something is owed', () => {
    const is = (fields: Partial<Progress>) => isOrphaned(orphanOf(standing('p', fields), upTo(3)) as PipelineStatus);
    assert.equal([is({}), is({ dead: 1 }), is({ position: 2 })], [false, true, true]);
    assert.is(is({ dead: 1, left: { at: START, newest: 3, settled: 'finished' } }), false);
  });
});

describe('what the log keeps', ({ it }) => {
  it('is what any pipeline has yet to pass, configured or not, until that owes nothing', () => {
    const left = { at: START, newest: 5 };
    const lowest = (...all: NamedStanding[]) => passedBy(all).get(SHOP);
    assert.is(lowest(standing('p', { position: 9 }), standing('old', { position: 3, left })), 3);
    assert.is(lowest(standing('p', { position: 9 }), standing('old', { position: 5, left })), 9);
    const settled = standing('old', { position: 3, left: { ...left, settled: 'discarded' } });
    assert.is(lowest(standing('p', { position: 9 }), settled), 9);
    assert.is(
      lowest(standing('p', { position: 9 }), standing('p-r1', { position: 1 })),
      9,
      'replays say it themselves',
    );
    assert.is(passedBy([standing('p')]).get(OTHER), undefined);
  });
});

describe('looking after orphans', ({ it }) => {
  /** A shop with four events, and a pipeline that has passed one of them and is not configured. */
  async function stage() {
    const store = openMemory(storeOptions());
    const id = { shop: SHOP, pipeline: 'old' };
    await store.state.cursors.begin(id);
    await store.log.append(record(['a', 'b', 'c', 'd']));
    const cursor = await store.state.cursors.claim(id, never);
    await cursor.save({ progress: { ...cursor.progress, position: 1, delivered: 1 } });
    await cursor.release();
    const lines: { level: string }[] = [];
    const allStatuses = async () => {
      const { newest } = await store.log.extent(SHOP);
      return (await store.state.cursors.everyStanding()).flatMap((one) => orphanOf(one, upTo(newest)) ?? []);
    };
    const pipelines = {
      allStatuses,
      statuses: async () => (await allStatuses()).filter(isOrphaned),
      find: () => undefined,
    } as unknown as Pipelines;
    const logger = createLogger('warn', { write: (line) => void lines.push(JSON.parse(line)) });
    const orphans = new Orphans({ store, pipelines, clock: new TestClock(), logger });
    return { store, id, lines, orphans, progress: async () => (await store.state.cursors.progress(id))! };
  }

  it('marks it once, names it once, and settles it when it owes nothing', async () => {
    const { store, id, lines, orphans, progress } = await stage();
    await orphans.look();
    await store.log.append(record(['e']));
    await orphans.look();
    assert.equal([(await progress()).left?.newest, lines.length], [4, 1]);
    const cursor = await store.state.cursors.claim(id, never);
    await cursor.save({ progress: { ...cursor.progress, position: 4, delivered: 4 } });
    await cursor.release();
    await orphans.look();
    assert.equal([(await progress()).left?.settled, lines.length], ['finished', 1]);
  });

  it('counts what the log had to let go of, so that the books stay true', async () => {
    const { store, orphans, progress } = await stage();
    await orphans.look();
    const { unpassed } = await store.log.trim({ before: new Date(0), passed: () => 1, maxBytes: 400 });
    const { oldest } = await store.log.extent(SHOP);
    assert.ok(oldest > 2 && (unpassed[SHOP] ?? 0) > 0);
    await orphans.countGone();
    const { position, delivered, dropped } = await progress();
    assert.equal([position, delivered, dropped], [oldest - 1, 1, { retention: oldest - 2 }]);
    await orphans.countGone();
    assert.equal((await progress()).dropped, { retention: oldest - 2 });
  });
});
