import * as assert from 'uvu/assert';
import type { EventLog } from '../../../adapters/logs/log.ts';
import { openMemory } from '../../../adapters/logs/memory/open.ts';
import type { State } from '../../../adapters/logs/state.ts';
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

const faults: Record<string, (log: EventLog, state: State) => { log?: Partial<EventLog>; state?: Partial<State> }> = {
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
    state: {
      claim: (id, signal) => state.claim({ ...id, pipeline: `${id.pipeline}${Math.random()}` }, signal),
    },
  }),
  'starts new pipelines at the beginning': (_log, state) => ({
    state: {
      begin: (id) => state.begin(id, 0),
    },
  }),
  'moves a pipeline that has begun': (_log, state) => ({
    state: {
      begin: async (id, start) => {
        await state.begin(id, start);
        const cursor = await state.claim(id, new AbortController().signal);
        await cursor.save({ progress: { ...cursor.progress, position: start ?? 0, start: start ?? 0 } });
        await cursor.release();
      },
    },
  }),
  'lets two move a pipeline': (_log, state) => ({
    state: {
      claim: async (id, signal) => {
        const cursor = await state.claim(id, signal);
        await cursor.release();
        return cursor;
      },
    },
  }),
  'suspends behind the back of whoever moves': (_log, state) => ({
    state: {
      suspend: async () => true,
      resume: (id) => state.resume(id),
    },
  }),
  'tells nobody of redriven letters': (_log, state) => ({
    state: {
      claim: async (id, signal) => {
        const cursor = await state.claim(id, signal);
        return broken(cursor, { redriven: () => new AbortController().signal });
      },
    },
  }),
  'tells nobody of replays': () => ({ state: { replaysChanged: () => new AbortController().signal } }),
  'forgets what a pipeline is doing': (_log, state) => ({
    state: {
      standing: async (id) => {
        const standing = await state.standing(id);
        return standing && { ...standing, moved: true };
      },
    },
  }),
  'discards nothing': () => ({ state: { discardDead: async (_id, positions) => positions.length } }),
  'counts as discarded what was delivered': (_log, state) => ({
    state: {
      discardDead: async (id, positions, at) => {
        await state.discardDead(id, positions, at);
        return positions.length;
      },
    },
  }),
  'loses the journal': () => ({ state: { journalAt: async () => undefined } }),
  'loses dead letters': () => ({ state: { dead: async () => [] } }),
  'mixes up rules': (_log, state) => ({ state: { ruleAt: (id) => state.ruleAt(id, 1e9) } }),
  'forgets replays': () => ({ state: { replays: async () => [] } }),
  'finds times one off': (log) => ({ log: { before: async (shop, time) => (await log.before(shop, time)) + 1 } }),
  'lists bodies': (_log, state) => ({
    state: { quarantineHeads: (shop, page) => state.quarantined(shop, page) as never },
  }),
  'gives pages of any size': (_log, state) => ({
    state: {
      quarantined: async (shop, page) => {
        const all = await state.quarantineHeads(shop, page);
        return Promise.all(all.map(async ({ id }) => (await state.quarantinedAt(shop, id)) as never));
      },
    },
  }),
  'finds refused events by half of their id': (_log, state) => ({
    state: {
      quarantinedAbout: async (shop, eventId, page) =>
        (await state.quarantineHeads(shop, { limit: 1000 }))
          .filter((head) => head.eventId?.[0] === eventId[0])
          .slice(0, page.limit),
    },
  }),
  'says that it has discarded what it was told to': (_log, state) => ({
    state: {
      discardQuarantined: async (shop, ids) => {
        await state.discardQuarantined(shop, ids);
        return ids.length;
      },
    },
  }),
  'keeps refused events for ever': () => ({ state: { limitQuarantine: async () => {} } }),
  'runs jobs side by side': (_log, state) => ({ state: { startJob: (job) => state.startJob(job, Infinity) } }),
  'forgets a cancel': (_log, state) => ({
    state: { saveJob: async (job) => ({ ...(await state.saveJob(job)), state: job.state }) },
  }),
  'never releases': (log) => ({ log: { append: ({ released: _, ...record }) => log.append(record) } }),
};

describe('the log contract catches a log that', ({ it }) => {
  for (const [fault, plant] of Object.entries(faults)) {
    it(fault, async () => {
      const results = await Promise.allSettled(
        [...logChecks, ...quarantineChecks].map(({ run }) =>
          limited(
            run({
              durable: false,
              open: async (options) => {
                const store = openMemory(options);
                const planted = plant(store.log, store.state);
                return {
                  ...store,
                  log: broken(store.log, planted.log ?? {}),
                  state: broken(store.state, planted.state ?? {}),
                };
              },
            }),
          ),
        ),
      );
      assert.ok(
        results.some(({ status }) => status === 'rejected'),
        'every check passed',
      );
    });
  }
});

const limited = (run: Promise<void>): Promise<void> =>
  Promise.race([run, new Promise<never>((_, reject) => setTimeout(() => reject(new Error('hangs')), 500).unref())]);
