import * as assert from 'uvu/assert';
import { createLogger } from '../../../server/base/logger.ts';
import {
  detailOf,
  type Level,
  noDisk,
  roomIn,
  type Space,
  watchDatabase,
  watchDisk,
} from '../../../server/log/disk.ts';
import { TestClock } from '../../support/clock.ts';
import { describe } from '../../support/describe.ts';

const MB = 1024 ** 2;
const TOTAL = 100_000 * MB;
const RESERVE = 512 * MB;
const options = { reserveBytes: RESERVE, reusableBytes: () => 0 };
const level = (free: number, before?: Level, total = TOTAL): Level =>
  roomIn({ free: free * MB, total }, options, before).level;

/** A disk that a test fills and frees, and the lines that are logged about it. */
function trial() {
  const space = { free: TOTAL, total: TOTAL };
  const state = { away: false, fileAway: false, space };
  const lines: { level: string; msg: string }[] = [];
  const clock = new TestClock();
  const stopping = new AbortController();
  const look = async (): Promise<Space> => {
    if (state.away) throw new Error('EIO');
    return { ...space };
  };
  const logger = createLogger('info', { write: (line: string) => void lines.push(JSON.parse(line)) });
  const reusableBytes = (): number => {
    if (state.fileAway) throw new Error('EIO');
    return 0;
  };
  const disk = watchDisk({ ...options, reusableBytes, folder: '/nowhere', clock, logger, look }, stopping.signal);
  return { disk, state, space, lines, clock, stop: () => stopping.abort() };
}

describe('the room on the disk of the log', ({ it }) => {
  it('is told by multiples of the reserve', () => {
    assert.is(level(5000), 'enough');
    assert.is(level(4 * 512 - 1), 'low');
    assert.is(level(2 * 512 - 1), 'scarce');
    assert.is(level(511), 'reserve');
    assert.is(level(31), 'none');
  });

  it('is left upwards only with some more, so that it does not change with every look', () => {
    assert.is(level(520, 'reserve'), 'reserve');
    assert.is(level(570, 'reserve'), 'scarce');
    assert.is(level(511, 'scarce'), 'reserve');
    assert.is(level(33, 'none'), 'none');
    assert.is(level(50_000, 'none'), 'enough');
  });

  it('keeps at most a twentieth of a small disk', () => {
    assert.is(roomIn({ free: 0, total: 64 * MB }, options).reserveBytes, Math.round(3.2 * MB));
    assert.is(level(20, undefined, 64 * MB), 'enough');
  });

  it('counts what is free inside the file, unless the disk is too full for a commit that needs some of both', () => {
    const within = { ...options, reusableBytes: () => 5000 * MB };
    assert.is(roomIn({ free: 200 * MB, total: TOTAL }, within).level, 'enough');
    assert.is(roomIn({ free: 100 * MB, total: TOTAL }, within).level, 'reserve');
    assert.is(roomIn({ free: 0, total: TOTAL }, within).level, 'none');
  });

  it('decides what is refused, says why and what to do, and goes on by itself', async () => {
    const { disk: watched, space, lines, clock, stop } = trial();
    const disk = await watched;
    assert.is(disk.pressure(), 'none');
    assert.is(detailOf(disk.room()), undefined);
    const seen: string[] = [];
    for (const free of [1500, 900, 400, 10, 600, 1200, 90_000]) {
      space.free = free * MB;
      await clock.advance(1000);
      seen.push(disk.pressure());
    }
    stop();
    assert.equal(seen, ['none', 'browse', 'all', 'all', 'browse', 'none', 'none']);
    assert.equal(
      lines.map(({ level: severity }) => severity),
      ['warn', 'error', 'error', 'error', 'error', 'warn', 'info'],
    );
    assert.match(
      detailOf({ level: 'reserve', freeBytes: 400 * MB, reserveBytes: RESERVE }) ?? '',
      /400 MB .* 512 MB .* enlarge/,
    );
  });

  it('is looked at ten times a second where there is little', async () => {
    const { disk, space, clock, stop } = trial();
    await disk;
    await clock.advance(3000);
    assert.equal([...new Set(clock.waits)], [1000]);
    space.free = 4000 * MB;
    await clock.advance(2000);
    stop();
    assert.is(clock.waits.at(-1), 100);
  });

  it('is taken to be as before while the disk cannot be asked', async () => {
    const { disk: watched, state, space, clock, stop } = trial();
    const disk = await watched;
    space.free = 100 * MB;
    await clock.advance(1000);
    state.away = true;
    await clock.advance(5000);
    assert.is(disk.pressure(), 'all');
    Object.assign(state, { away: false, fileAway: true });
    space.free = 400 * MB;
    await clock.advance(5000);
    assert.is(disk.room()?.freeBytes, 100 * MB);
    state.fileAway = false;
    await clock.advance(1000);
    stop();
    assert.is(disk.room()?.freeBytes, 400 * MB);
  });

  it('is not told by a log that was closed during the look', async () => {
    const clock = new TestClock();
    const stopping = new AbortController();
    let answer = (): void => {};
    let asked = 0;
    const own = {
      ...options,
      folder: '/nowhere',
      clock,
      logger: createLogger('silent'),
      look: () =>
        new Promise<Space>((resolve) => {
          answer = () => resolve({ free: TOTAL, total: TOTAL });
        }),
      reusableBytes: () => {
        asked += 1;
        return 0;
      },
    };
    const watched = watchDisk(own, stopping.signal);
    answer();
    await watched;
    await clock.advance(1000);
    stopping.abort();
    answer();
    await clock.advance(1000);
    assert.is(asked, 1);
  });

  it('is nobody’s business where the log is elsewhere', () => {
    assert.is(noDisk.pressure(), 'none');
    assert.is(noDisk.room(), undefined);
  });
});

describe('the size of a database', ({ it }) => {
  it('is told once where it nears that of its plan, by log and room, and refuses nothing', async () => {
    const clock = new TestClock();
    const lines: Record<string, unknown>[] = [];
    const logger = createLogger('info', { write: (line) => void lines.push(JSON.parse(line)) });
    const stopping = new AbortController();
    let used = 500 * MB;
    let isAway = false;
    const databaseBytes = async () => {
      if (isAway) throw new Error('away');
      return used;
    };
    const watched = { maxBytes: 1000 * MB, reserveBytes: 512 * MB, databaseBytes, clock, logger };
    const disk = await watchDatabase(watched, stopping.signal);
    assert.equal([disk.room()?.level, detailOf(disk.room()), lines], ['enough', undefined, []]);
    for (used of [850 * MB, 990 * MB, 1200 * MB]) {
      await clock.advance(60_000);
      assert.equal([disk.room()?.level, disk.pressure()], ['low', 'none']);
    }
    assert.match(detailOf(disk.room()) ?? '', /^0\.0 MB of DATABASE_MAX_BYTES are left in the database of the log\. /);
    isAway = true;
    await clock.advance(60_000);
    assert.is(disk.room()?.level, 'low');
    assert.equal(
      lines.map(({ msg, level }) => [level, msg]),
      [['warn', 'the database of the log fills up']],
    );
    isAway = false;
    used = 100 * MB;
    await clock.advance(60_000);
    assert.is(lines.at(-1)?.msg, 'the database of the log has room again');
    assert.equal([...new Set(clock.waits)], [60_000]);
    stopping.abort();
  });
});
