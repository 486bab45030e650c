import * as assert from 'uvu/assert';
import type { EventLog } from '../../../adapters/logs/log.ts';
import { openMemory } from '../../../adapters/logs/memory/open.ts';
import type { Parts } from '../../../adapters/logs/methods.ts';
import type { State } from '../../../adapters/logs/state/state.ts';
import { logChecks } from '../../contracts/log.ts';
import { quarantineChecks } from '../../contracts/quarantine.ts';
import { describe } from '../../support/describe.ts';

/** Replaces methods of an object by broken ones; `this` of the rest stays the object itself. */
function broken<T extends object>(whole: T, faults: Partial<T>): T {
  return new Proxy(whole, {
    get(target, key) {
      if (key in faults) return faults[key as keyof T];
      const value = Reflect.get(target, key, target) as unknown;
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

const brokenState = ({ cursors, journal, deadLetters, quarantine, replays, jobs }: State, faults: Faults): State => ({
  cursors: broken(cursors, faults.cursors ?? {}),
  journal: broken(journal, faults.journal ?? {}),
  deadLetters: broken(deadLetters, faults.deadLetters ?? {}),
  quarantine: broken(quarantine, faults.quarantine ?? {}),
  replays: broken(replays, faults.replays ?? {}),
  jobs: broken(jobs, faults.jobs ?? {}),
});

type Faults = { [P in keyof Parts]?: Partial<Parts[P]> };
const faults: Record<string, (log: EventLog, state: State) => Faults> = {
  'gives verdicts in the wrong order': (log) => ({
    log: { append: async (record) => (await log.append(record)).reverse() },
  }),
  'acknowledges and stores nothing': (log) => ({
    log: {
      append: async (record) => record.events.map((_, i) => ({ kind: 'stored', position: i + 1 })),
      read: log.read.bind(log),
    },
  }),
  'answers before it stores': (log) => ({
    log: {
      append: async (record) => {
        setTimeout(() => log.append(record).catch(() => {}), 20);
        return record.events.map((_, i) => ({ kind: 'stored', position: i + 1 }));
      },
    },
  }),
  'stores duplicates': (log) => {
    let n = 0;
    return {
      log: {
        append: (record) =>
          log.append({ ...record, events: record.events.map((e) => ({ ...e, id: `${e.id}#${n++}` })) }),
      },
    };
  },
  'shares ids between shops': (log) => {
    const seen = new Set<string>();
    return {
      log: {
        append: async (record) => {
          const verdicts = await log.append(record);
          return verdicts.map((verdict, i) => {
            const id = record.events[i]!.id;
            const again = seen.has(id);
            seen.add(id);
            return again ? { ...verdict, kind: 'duplicate' as const } : verdict;
          });
        },
      },
    };
  },
  'reads one event too late': (log) => ({
    log: { read: (shop, after, limit, signal) => log.read(shop, after + 1, limit, signal) },
  }),
  'reads more than asked': (log) => ({
    log: { read: (shop, after, limit, signal) => log.read(shop, after, limit + 1, signal) },
  }),
  'reads all that is asked, however large': (log) => ({
    log: {
      read: async (shop, after, limit, signal) => {
        const found = await log.read(shop, after, limit, signal);
        for (let more = found; more.length > 0 && found.length < limit; found.push(...more))
          more = await log.read(shop, found.at(-1)!.position, limit - found.length, AbortSignal.abort());
        return found;
      },
    },
  }),
  'ignores the abort': (log) => ({
    log: { read: (shop, after, limit) => log.read(shop, after, limit, new AbortController().signal) },
  }),
  'drops refused events': (log) => ({ log: { append: (record) => log.append({ ...record, refused: [] }) } }),
  'finds events of other shops': (log) => ({ log: { find: (_shop, id) => log.find('demo.myshopify.com', id) } }),
  'trims what nobody has passed': (log) => ({
    log: { trim: (options) => log.trim({ ...options, passed: () => 1e9 }) },
  }),
  'trims nothing': () => ({ log: { trim: async () => ({ events: 0, unpassed: {} }) } }),
  'forgets cursors': (_log, state) => ({
    cursors: {
      claim: (id, signal) => state.cursors.claim({ ...id, pipeline: `${id.pipeline}${Math.random()}` }, signal),
    },
  }),
  'starts new pipelines at the beginning': (_log, state) => ({
    cursors: {
      begin: (id) => state.cursors.begin(id, 0),
    },
  }),
  'moves a pipeline that has begun': (_log, state) => ({
    cursors: {
      begin: async (id, start) => {
        await state.cursors.begin(id, start);
        const cursor = await state.cursors.claim(id, new AbortController().signal);
        await cursor.save({ progress: { ...cursor.progress, position: start ?? 0, start: start ?? 0 } });
        await cursor.release();
      },
    },
  }),
  'lets two move a pipeline': (_log, state) => ({
    cursors: {
      claim: async (id, signal) => {
        const cursor = await state.cursors.claim(id, signal);
        await cursor.release();
        return cursor;
      },
    },
  }),
  'suspends behind the back of whoever moves': (_log, state) => ({
    cursors: {
      suspend: async () => true,
      resume: (id) => state.cursors.resume(id),
    },
  }),
  'tells nobody of redriven letters': (_log, state) => ({
    cursors: {
      claim: async (id, signal) => {
        const cursor = await state.cursors.claim(id, signal);
        return broken(cursor, { redriven: () => new AbortController().signal });
      },
    },
  }),
  'tells nobody of replays': () => ({ replays: { changed: () => new AbortController().signal } }),
  'forgets what a pipeline is doing': (_log, state) => ({
    cursors: {
      standing: async (id) => {
        const standing = await state.cursors.standing(id);
        return standing && { ...standing, moved: true };
      },
    },
  }),
  'discards nothing': () => ({ deadLetters: { discard: async (_id, positions) => positions.length } }),
  'counts as discarded what was delivered': (_log, state) => ({
    deadLetters: {
      discard: async (id, positions, at) => {
        await state.deadLetters.discard(id, positions, at);
        return positions.length;
      },
    },
  }),
  'loses the journal': () => ({ journal: { lineAt: async () => undefined } }),
  'loses dead letters': () => ({ deadLetters: { open: async () => [] } }),
  'mixes up rules': (_log, state) => ({ journal: { ruleAt: (id) => state.journal.ruleAt(id, 1e9) } }),
  'forgets replays': () => ({ replays: { all: async () => [] } }),
  'finds times one off': (log) => ({ log: { before: async (shop, time) => (await log.before(shop, time)) + 1 } }),
  'lists bodies': (_log, state) => ({
    quarantine: { heads: (shop, page) => state.quarantine.page(shop, page) as never },
  }),
  'gives pages of any size': (_log, state) => ({
    quarantine: {
      page: async (shop, page) => {
        const all = await state.quarantine.heads(shop, page);
        return Promise.all(all.map(async ({ id }) => (await state.quarantine.at(shop, id)) as never));
      },
    },
  }),
  'finds refused events by half of their id': (_log, state) => ({
    quarantine: {
      about: async (shop, eventId, page) =>
        (await state.quarantine.heads(shop, { limit: 1000 }))
          .filter((head) => head.eventId?.[0] === eventId[0])
          .slice(0, page.limit),
    },
  }),
  'says that it has discarded what it was told to': (_log, state) => ({
    quarantine: {
      discard: async (shop, ids) => {
        await state.quarantine.discard(shop, ids);
        return ids.length;
      },
    },
  }),
  'keeps refused events for ever': () => ({ quarantine: { limit: async () => {} } }),
  'runs jobs side by side': (_log, state) => ({ jobs: { start: (job) => state.jobs.start(job, Infinity) } }),
  'forgets a cancel': (_log, state) => ({
    jobs: { save: async (job) => ({ ...(await state.jobs.save(job)), state: job.state }) },
  }),
  'never releases': (log) => ({ log: { append: ({ released: _, ...record }) => log.append(record) } }),
};

describe('the log contract catches a log that', ({ it }) => {
  for (const [fault, plant] of Object.entries(faults)) {
    it(fault, async () => {
      // The first check that fails has caught it; only where all pass are all waited for.
      const caught = Promise.any(
        [...logChecks, ...quarantineChecks].map(({ run }) =>
          failure(
            run({
              durable: false,
              open: async (options) => {
                const store = openMemory(options);
                const planted = plant(store.log, store.state);
                return {
                  ...store,
                  log: broken(store.log, planted.log ?? {}),
                  state: brokenState(store.state, planted),
                };
              },
            }),
          ),
        ),
      );
      await caught.catch(() => assert.unreachable('every check passed'));
    });
  }
});

/** Resolves when the check fails, or hangs; rejects when it passes. */
const failure = (run: Promise<void>): Promise<void> =>
  new Promise((resolve, reject) => {
    run.then(
      () => reject(new Error('passed')),
      () => resolve(),
    );
    setTimeout(resolve, 500).unref();
  });
