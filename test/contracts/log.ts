import { setMaxListeners } from 'node:events';
import * as assert from 'uvu/assert';
import type { Context, Refusal, View } from '../../adapters/dialects/dialect.ts';
import { derivedId } from '../../adapters/dialects/ids.ts';
import { kindOf } from '../../adapters/dialects/kind.ts';
import { type LogRecord, UnreadableEvents } from '../../adapters/logs/log.ts';
import type { Store, StoreOptions } from '../../adapters/logs/store.ts';
import type { Event } from '../../schemas/event.ts';
import { aborted } from '../../server/base/clock.ts';
import { until } from '../support/until.ts';

export interface LogHarness {
  /** A store on the same data as before, or on fresh data. */
  open(options: StoreOptions, again?: boolean): Promise<Store>;
  /** Whether data outlives the store. */
  readonly durable: boolean;
}

export const SHOP = 'demo.myshopify.com';
export const OTHER = 'other.myshopify.com';
export const START = Date.parse('2026-06-01T12:00:00Z');
const DAY_MS = 24 * 3_600_000;
export const never = new AbortController().signal;
setMaxListeners(0, never);

/** The test's own dialect: a body is a JSON array of ids, or of anything with an id. */
export const view: View = (dialect, body, indexes, context) => {
  const ids = JSON.parse(body) as string[];
  const at = new Date(context.receivedAt).toISOString();
  return indexes.map((index) => event(ids[index] ?? '', dialect, context, at));
};

const event = (id: string, dialect: string, { shop, trust }: Context, at: string): Event => ({
  event_id: id,
  id_source: 'client',
  event_type: 'product_view',
  name: 'product_view',
  dialect,
  shop,
  timestamp: at,
  timestamp_source: 'client',
  received_at: at,
  trust,
});

export function record(
  ids: readonly string[],
  options: { shop?: string; at?: number; refused?: readonly Refusal[] } = {},
): LogRecord {
  return {
    dialect: 'test',
    context: { shop: options.shop ?? SHOP, receivedAt: options.at ?? START, trust: 'public', channel: 'web' },
    body: Buffer.from(JSON.stringify(ids)),
    events: ids.map((id, index) => ({ id, index })),
    refused: options.refused ?? [],
  };
}

/** Events of one kind; `more` makes the body another one. */
const ofKind = (ids: readonly string[], kind: number, more = ''): LogRecord => ({
  ...record(ids),
  body: Buffer.from(JSON.stringify([...ids, more])),
  events: ids.map((id, index) => ({ id, index, kind })),
});

/** A record of one event of 100 KB. */
export const largeRecord = (id: string): LogRecord => ({
  ...record([id]),
  body: Buffer.from(JSON.stringify([id, 'x'.repeat(100_000)])),
});

export const storeOptions = (overrides: Partial<StoreOptions> = {}): StoreOptions => ({
  view,
  contents: (_dialect, body, indexes) => indexes.map((index) => derivedId({ body, index }).slice(0, 8)),
  durability: 'disk',
  dedupMs: 24 * 3_600_000,
  dedupMax: 1_000_000,
  quarantineMax: 3,
  quarantineMaxBytes: 64 * 1024 * 1024,
  quarantineMs: 30 * DAY_MS,
  deadLettersMax: 100_000,
  deadLetterMs: 30 * DAY_MS,
  process: 'all',
  connections: 20,
  encrypt: false,
  now: () => START,
  onFailure: (error) => {
    throw error;
  },
  onCorrupt: () => {},
  onDedupShortened: () => {},
  onDamage: () => {},
  ...overrides,
});

const rejected = (answer: Promise<unknown>): Promise<unknown> =>
  answer.then(
    () => assert.unreachable('read'),
    (error: unknown) => error,
  );
const soon = <T>(value: T): Promise<T> => new Promise((resolve) => setTimeout(resolve, 100, value));

const ids = (stored: readonly { event: Event }[]) => stored.map(({ event: { event_id } }) => event_id);
const refusal = (code: string, raw = '{}'): Refusal => ({ index: 0, code, reasons: [`events[0]: ${code}`], raw });

export interface Check {
  readonly promise: string;
  readonly run: (harness: LogHarness) => Promise<void>;
}

/** A check on one freshly opened store, closed in any case. */
export const check = (
  promise: string,
  run: (store: Store) => Promise<void>,
  overrides: Partial<StoreOptions> = {},
): Check => ({
  promise,
  run: async (harness) => {
    const store = await harness.open(storeOptions(overrides));
    try {
      await run(store);
    } finally {
      await store.close();
    }
  },
});

const afterReopening = (
  promise: string,
  first: (store: Store) => Promise<void>,
  then: (store: Store) => Promise<void>,
): Check => ({
  promise,
  run: async (harness) => {
    if (!harness.durable) return;
    const before = await harness.open(storeOptions());
    await first(before);
    await before.close();
    const after = await harness.open(storeOptions(), true);
    try {
      await then(after);
    } finally {
      await after.close();
    }
  },
});

/** What every log promises. Each check fails for a log that breaks its promise. */
export const logChecks: readonly Check[] = [
  check('gives events back in order, at the positions of their verdicts', async ({ log }) => {
    const verdicts = [...(await log.append(record(['a', 'b']))), ...(await log.append(record(['c'])))];
    assert.equal(
      verdicts,
      [1, 2, 3].map((position) => ({ kind: 'stored', position })),
    );
    const stored = await log.read(SHOP, 0, 10, never);
    assert.equal(
      stored.map(({ position, event }) => [position, event.event_id]),
      [
        [1, 'a'],
        [2, 'b'],
        [3, 'c'],
      ],
    );
  }),
  check('answers many appends at once, each with its own verdicts', async ({ log }) => {
    const batches = Array.from({ length: 200 }, (_, n) => [`${n}-x`, `${n}-y`]);
    const verdicts = await Promise.all(batches.map((batch) => log.append(record(batch))));
    const stored = await log.read(SHOP, 0, 1000, never);
    assert.is(stored.length, 400);
    for (const [n, batch] of batches.entries()) {
      assert.equal(
        verdicts[n]?.map(({ position }) => stored[position - 1]?.event.event_id),
        batch,
      );
    }
  }),
  check('stores an id once, and says where', async ({ log }) => {
    await log.append(record(['a', 'b']));
    assert.equal(await log.append(record(['b', 'c'])), [
      { kind: 'duplicate', position: 2 },
      { kind: 'stored', position: 3 },
    ]);
    assert.equal(ids(await log.read(SHOP, 0, 10, never)), ['a', 'b', 'c']);
  }),
  check('stores an id once within one record', async ({ log }) => {
    assert.equal(await log.append(record(['a', 'a'])), [
      { kind: 'stored', position: 1 },
      { kind: 'duplicate', position: 1 },
    ]);
  }),
  check('answers a duplicate of an event in flight only when that event is readable', async ({ log }) => {
    const first = log.append(record(['a']));
    assert.equal(await log.append(record(['a'])), [{ kind: 'duplicate', position: 1 }]);
    assert.equal(ids(await log.read(SHOP, 0, 10, never)), ['a']);
    assert.equal(await first, [{ kind: 'stored', position: 1 }]);
  }),
  check('keeps shops apart: the same id is an event of each', async ({ log }) => {
    await log.append(record(['a']));
    assert.equal(await log.append(record(['a'], { shop: OTHER })), [{ kind: 'stored', position: 1 }]);
    const [mine] = await log.read(OTHER, 0, 10, never);
    assert.is(mine?.event.shop, OTHER);
    assert.is((await log.read(SHOP, 0, 10, never)).length, 1);
  }),
  check('keeps shops apart whose names begin alike', async ({ log }) => {
    await log.append(record(['a'], { shop: 'a.myshopify.com' }));
    await log.append(record(['b'], { shop: 'a.myshopify.com.evil' }));
    assert.equal(ids(await log.read('a.myshopify.com', 0, 10, never)), ['a']);
    assert.equal(await log.extent('a.myshopify.com'), { oldest: 1, newest: 1 });
  }),
  check('reads after a position, no more than asked', async ({ log }) => {
    await log.append(record(['a', 'b', 'c', 'd', 'e']));
    assert.equal(ids(await log.read(SHOP, 1, 2, never)), ['b', 'c']);
    assert.equal(ids(await log.read(SHOP, 4, 2, never)), ['e']);
  }),
  check('reads a megabyte at a time, where events are large', async ({ log }) => {
    const all = Array.from({ length: 30 }, (_, n) => `e${n}`);
    for (const id of all) await log.append(largeRecord(id));
    const pieces: string[][] = [];
    while (pieces.flat().length < 30) pieces.push(ids(await log.read(SHOP, pieces.flat().length, 1000, never)));
    assert.equal(pieces.flat(), all);
    assert.equal(
      pieces.map(({ length }) => length),
      [11, 11, 8],
    );
  }),
  check('shows a reader that follows every event, in order, while more are stored', async ({ log }) => {
    const seen: number[] = [];
    const reading = (async () => {
      while (seen.length < 300) {
        const found = await log.read(SHOP, seen.at(-1) ?? 0, 10, never);
        if (found.length === 0) return;
        seen.push(...found.map(({ position }) => position));
      }
    })();
    for (let n = 0; n < 300; n += 3) {
      await Promise.all([0, 1, 2].map((more) => log.append(record([`e${n + more}`]))));
      await new Promise((resolve) => setTimeout(resolve, n % 5));
    }
    await reading;
    assert.equal(
      seen,
      Array.from({ length: 300 }, (_, n) => n + 1),
    );
  }),
  check('wakes a waiting reader', async ({ log }) => {
    const waiting = log.read(SHOP, 0, 10, never);
    await log.append(record(['a']));
    assert.equal(ids(await waiting), ['a']);
  }),
  check('gives nothing to an aborted wait', async ({ log }) => {
    const controller = new AbortController();
    const waiting = log.read(SHOP, 0, 10, controller.signal);
    controller.abort();
    assert.equal(await waiting, []);
  }),
  check('gives what is there already to an aborted signal', async ({ log }) => {
    await log.append(record(['a']));
    assert.equal(ids(await log.read(SHOP, 0, 10, AbortSignal.abort())), ['a']);
    assert.equal(await log.read(SHOP, 1, 10, AbortSignal.abort()), []);
  }),
  check('finds an event by its id, in its own shop only', async ({ log }) => {
    await log.append(record(['a', 'b']));
    assert.is((await log.find(SHOP, 'b'))?.position, 2);
    assert.is(await log.find(SHOP, 'z'), undefined);
    assert.is(await log.find(OTHER, 'b'), undefined);
  }),
  check(
    'finds an event that dedup has forgotten',
    async ({ log }) => {
      await log.append(record(['a', 'b']));
      await log.trim({ before: new Date(0), passed: () => 0, maxBytes: 1e12 });
      assert.is((await log.find(SHOP, 'b'))?.position, 2);
    },
    { dedupMs: -1 },
  ),
  check('keeps refused events with their reasons, and no more than the limit', async ({ log, state }) => {
    await log.append(record(['a'], { refused: [refusal('invalid', '{"n":1}')] }));
    assert.equal(await log.append(record([], { refused: [refusal('not_json')] })), []);
    await log.append(record([], { refused: [refusal('third'), refusal('fourth')] }));
    const kept = await state.quarantine.page(SHOP, { limit: 10 });
    assert.equal(
      kept.map(({ code }) => code),
      ['not_json', 'third', 'fourth'],
    );
    assert.equal(await state.quarantine.page(OTHER, { limit: 10 }), []);
    assert.equal(
      (await state.quarantine.page(SHOP, { limit: 1, after: kept[0]!.id })).map(({ code }) => code),
      ['third'],
    );
    assert.equal(kept[0]?.reasons, ['events[0]: not_json']);
  }),
  check('counts what came in: received = appended + duplicate + quarantined', async ({ log }) => {
    await log.append(record(['a', 'b'], { refused: [refusal('invalid')] }));
    await log.append(record(['b', 'c']));
    assert.equal(await log.tally(SHOP), { received: 5, appended: 3, duplicate: 1, quarantined: { invalid: 1 } });
    assert.is((await log.tally(OTHER)).received, 0);
  }),
  check(
    'says which events it cannot make, after those before them, and goes on behind them',
    async ({ log }) => {
      await log.append(record(['a', 'b']));
      await log.append(record(['bad', 'c'], { at: START + 5 }));
      await log.append(record(['d'], { at: START + 10 }));
      assert.equal(ids(await log.read(SHOP, 0, 10, never)), ['a', 'b']);
      const error = await rejected(log.read(SHOP, 2, 10, never));
      assert.instance(error, UnreadableEvents);
      const { reason, ...where } = (error as UnreadableEvents).stretch;
      assert.equal(where, { shop: SHOP, from: 3, to: 4, dialect: 'test', receivedAt: START + 5 });
      assert.match(reason, /a form that this version cannot read/);
      assert.equal(ids(await log.read(SHOP, 4, 10, never)), ['d']);
      const found = await rejected(log.find(SHOP, 'c'));
      assert.instance(found, UnreadableEvents);
      assert.equal([(found as UnreadableEvents).stretch.from, (found as UnreadableEvents).stretch.to], [4, 4]);
      assert.is((await log.find(SHOP, 'd'))?.position, 5);
      const kinds = (await log.append(record(['c', 'd', 'e']))).map(({ kind }) => kind);
      assert.equal(kinds, ['duplicate', 'duplicate', 'stored']);
    },
    {
      view: (dialect, body, ...rest) => {
        if (body.includes('"bad"')) throw new TypeError('no');
        return view(dialect, body, ...rest);
      },
    },
  ),
  check(
    'takes a known id of an event of another kind for another event, and a resend of that for a repeat',
    async ({ log }) => {
      const first = ofKind(['a', 'b'], kindOf('search', 's', 'd'));
      const other = ofKind(['a', 'c'], kindOf('page_view', 's', 'd'), 'page');
      const stranger = ofKind(['a'], kindOf('search', 't', 'e'), 'stranger');
      const same = ofKind(['a'], kindOf('search', 't', 'd'), 'again');
      await log.append(first);
      const idsIn: (string | undefined)[] = [];
      const kindsOf = async (one: LogRecord) =>
        (await log.append(one)).map(({ kind, position, id }) => {
          idsIn.push(id);
          return `${kind} ${position}`;
        });
      assert.equal(await kindsOf(other), ['stored 3', 'stored 4']);
      assert.equal(await kindsOf(other), ['duplicate 3', 'duplicate 4']);
      assert.equal(await kindsOf(stranger), ['stored 5']);
      assert.equal(await kindsOf(same), ['duplicate 1']);
      assert.equal(await kindsOf(first), ['duplicate 1', 'duplicate 2']);
      const events = (await log.read(SHOP, 0, 10, never)).map(({ event }) => event);
      assert.equal(
        events.map(({ id_source, sent_id }) => [id_source, sent_id]),
        [
          ['client', undefined],
          ['client', undefined],
          ['reused', 'a'],
          ['client', undefined],
          ['reused', 'a'],
        ],
      );
      for (const n of [2, 4]) assert.match(events[n]?.event_id ?? '', /^a~[0-9a-f]{8}$/);
      // Each verdict says under which id the event is stored, also where that is a repeat.
      const [renamed, stranger1] = [events[2]?.event_id, events[4]?.event_id];
      assert.equal(idsIn, [renamed, undefined, renamed, undefined, stranger1, undefined, undefined, undefined]);
      assert.is.not(events[2]?.event_id, events[4]?.event_id);
      assert.is((await log.find(SHOP, 'a'))?.position, 1);
      assert.is((await log.find(SHOP, events[4]?.event_id ?? ''))?.position, 5);
      assert.equal(await log.tally(SHOP), { received: 10, appended: 5, duplicate: 5, quarantined: {} });
    },
  ),
  check(
    'stores an event under an id of its own also where what it says cannot be told',
    async ({ log }) => {
      await log.append(ofKind(['a'], kindOf('search', 's', 'd')));
      const other = ofKind(['a', 'b'], kindOf('page_view', 's', 'd'), 'page');
      const kindsOf = async () => (await log.append(other)).map(({ kind, position }) => `${kind} ${position}`);
      assert.equal([await kindsOf(), await kindsOf()].flat(), ['stored 2', 'stored 3', 'duplicate 2', 'duplicate 3']);
      assert.equal(await log.extent(SHOP), { oldest: 1, newest: 3 });
    },
    {
      contents: () => {
        throw new TypeError('no');
      },
    },
  ),
  check(
    'tells events with one id apart in one record, and in records that are on their way together',
    async ({ log }) => {
      const [search, page] = [kindOf('search', 's', 'd'), kindOf('page_view', 's', 'd')];
      const both = {
        ...record(['a', 'a', 'a']),
        events: [search, page, search].map((kind, index) => ({ id: 'a', index, kind })),
      };
      const verdicts = await Promise.all(
        [both, ofKind(['a'], page, 'x'), ofKind(['a'], page, 'x')].map((one) => log.append(one)),
      );
      assert.equal(
        verdicts.map((all) => all.map(({ kind, position }) => `${kind} ${position}`)),
        [['stored 1', 'stored 2', 'duplicate 1'], ['stored 3'], ['duplicate 3']],
      );
      const sources = (await log.read(SHOP, 0, 10, never)).map(({ event }) => event.id_source);
      assert.equal(sources, ['client', 'reused', 'reused']);
    },
  ),
  check(
    'has each event made by the version by which its id was derived',
    async ({ log }) => {
      const derived = (...versions: readonly (number | undefined)[]) =>
        versions.map((version, index) => ({ index, ...(version !== undefined && { derived: version }) }));
      const named = (ids: readonly string[], ...versions: readonly (number | undefined)[]): LogRecord => ({
        ...record(ids),
        events: derived(...versions).map((draft, i) => ({ ...draft, id: ids[i] ?? '' })),
      });
      await log.append(named(['a', 'b', 'c'], undefined, 1, 2));
      // Of this one only a part is kept.
      await log.append(named(['b', 'd', 'a', 'e'], 1, 2, undefined, 1));
      const names = (await log.read(SHOP, 0, 10, never)).map(({ event: { event_id, name } }) => `${event_id} ${name}`);
      assert.equal(names, ['a 0', 'b 1', 'c 2', 'd 2', 'e 1']);
    },
    {
      view: (dialect, body, indexes, context, derivations = []) =>
        view(dialect, body, indexes, context).map((one, i) => ({ ...one, name: String(derivations[i]) })),
    },
  ),
  afterReopening(
    'knows after a restart of which kind an id was, and which it has made',
    async ({ log }) => {
      await log.append(ofKind(['a'], kindOf('search', 's', 'd')));
      await log.append(ofKind(['a'], kindOf('page_view', 's', 'd'), 'page'));
    },
    async ({ log }) => {
      const other = ofKind(['a'], kindOf('page_view', 's', 'd'), 'page');
      const [verdict] = await log.append(other);
      assert.equal([verdict?.kind, verdict?.position], ['duplicate', 2]);
      const third = ofKind(['a'], kindOf('cart_view', 's', 'd'), 'cart');
      const [stored] = await log.append(third);
      assert.equal([stored?.kind, stored?.position], ['stored', 3]);
      const read = await log.read(SHOP, 0, 10, never);
      assert.equal([verdict?.id, stored?.id], [read[1]?.event.event_id, read[2]?.event.event_id]);
      assert.equal(
        read.map(({ event }) => event.id_source),
        ['client', 'reused', 'reused'],
      );
    },
  ),
  check(
    'stores an event out of quarantine once, however often and with whatever it is brought, and counts it once',
    async ({ log, state }) => {
      const at = START - 3 * DAY_MS;
      await log.append(record([], { at, refused: [refusal('invalid')] }));
      const [kept] = await state.quarantine.page(SHOP, { limit: 1 });
      const again = () => ({ ...record(['a'], { at }), released: [{ id: kept!.id, code: 'invalid' }] });
      const kindsOf = async (...records: LogRecord[]) =>
        (await Promise.all(records.map((one) => log.append(one)))).flat().map(({ kind }) => kind);
      assert.equal(await kindsOf(again(), again()), ['stored', 'duplicate']);
      // The time of a commit is that of its newest record, before which others are not remembered.
      assert.equal(await kindsOf(record(['b']), again(), record(['c'])), ['stored', 'duplicate', 'stored']);
      assert.equal(await log.tally(SHOP), { received: 3, appended: 3, duplicate: 0, quarantined: { invalid: 0 } });
      assert.equal(ids(await log.read(SHOP, 0, 10, never)), ['a', 'b', 'c']);
    },
  ),
  check('starts a new pipeline at the head, and an old one where it was', async ({ log, state }) => {
    const id = { shop: SHOP, pipeline: 'p' };
    await log.append(record(['a', 'b']));
    await state.cursors.begin(id);
    const cursor = await state.cursors.claim(id, never);
    assert.equal(cursor.progress, { position: 2, start: 2, delivered: 0, dead: 0, filtered: {}, dropped: {} });
    await cursor.save({ progress: { ...cursor.progress, position: 3, delivered: 1 } });
    await cursor.release();
    assert.is((await state.cursors.claim(id, never)).progress.position, 3);
    assert.is(await state.cursors.progress({ shop: OTHER, pipeline: 'p' }), undefined);
  }),
  check('saves cursor, journal and dead letters together', async ({ log, state }) => {
    const id = { shop: SHOP, pipeline: 'p' };
    await state.cursors.begin(id);
    const cursor = await state.cursors.claim(id, never);
    await log.append(record(['a', 'b']));
    const [a] = await log.read(SHOP, 0, 1, never);
    const line = {
      from: 1,
      to: 2,
      lanes: 1,
      batches: [{ lane: 0, first: 1, last: 2, at: START, attempts: 1, status: 'HTTP 200' }],
    };
    const letter = { position: 1, event: a!.event, reason: 'HTTP 422', attempts: 1, at: START };
    const next = { ...cursor.progress, position: 2, delivered: 1, dead: 1 };
    await cursor.save({ progress: next, journal: line, dead: [letter] });
    assert.equal(await state.cursors.progress(id), next);
    assert.equal(
      [await state.journal.lineAt(id, 1), await state.journal.lineAt(id, 2), await state.journal.lineAt(id, 3)],
      [line, line, undefined],
    );
    assert.is(await state.journal.lineAt({ ...id, pipeline: 'q' }, 1), undefined);
    assert.equal(await state.deadLetters.at(id, 1), letter);
    assert.equal(await state.deadLetters.open(id, { limit: 10 }), [letter]);
    assert.equal(await state.deadLetters.open(id, { limit: 10, after: '1' }), []);
  }),
  check('marks, revives and discards dead letters', async ({ log, state }) => {
    const id = { shop: SHOP, pipeline: 'p' };
    await state.cursors.begin(id);
    const cursor = await state.cursors.claim(id, never);
    await log.append(record(['a', 'b', 'c']));
    const letters = (await log.read(SHOP, 0, 3, never)).map((stored) => ({
      ...stored,
      reason: 'no',
      attempts: 1,
      at: START,
    }));
    await cursor.save({ progress: cursor.progress, dead: letters });
    assert.is(await state.deadLetters.redrive(id, [1, 9]), 1, 'there is no letter at 9');
    assert.equal(
      (await state.deadLetters.open(id, { limit: 10 })).map(({ redrive }) => redrive),
      [true, undefined, undefined],
    );
    const [first] = await state.deadLetters.open(id, { limit: 1 });
    const ended = { kind: 'delivered' as const, at: START, attempts: 1, status: 'HTTP 200' };
    await cursor.save({ progress: cursor.progress, dead: [{ ...first!, ended }] });
    assert.is(await state.deadLetters.redrive(id, [1]), 0, 'it was delivered');
    assert.is(await state.deadLetters.discard(id, [1, 3], START), 1, 'one was delivered meanwhile');
    assert.equal(
      (await state.deadLetters.open(id, { limit: 10 })).map(({ position }) => position),
      [2],
    );
    assert.equal((await state.deadLetters.at(id, 1))?.ended, ended);
    assert.is((await state.deadLetters.at(id, 3))?.ended?.kind, 'discarded');
  }),
  check('discards a letter that is being tried once more when its pipeline was given up', async ({ log, state }) => {
    const id = { shop: SHOP, pipeline: 'p' };
    await state.cursors.begin(id);
    const cursor = await state.cursors.claim(id, never);
    await log.append(record(['a', 'b', 'c']));
    const dead = (await log.read(SHOP, 0, 3, never)).map((stored) => ({
      ...stored,
      reason: 'no',
      attempts: 2,
      at: START,
    }));
    await cursor.save({ progress: cursor.progress, dead });
    await state.deadLetters.redrive(id, [1, 3]);
    const marked = async () => (await state.deadLetters.marked(id, { limit: 10 })).map(({ position }) => position);
    assert.equal(await marked(), [1, 3]);
    assert.equal(
      (await state.deadLetters.marked(id, { limit: 1, after: '1' })).map(({ position }) => position),
      [3],
    );
    const discarded = state.deadLetters.discard(id, [1, 2], START + 1);
    if (!cursor.wanted.aborted)
      await new Promise((resolve) => cursor.wanted.addEventListener('abort', resolve, { once: true }));
    assert.equal(
      [(await state.deadLetters.at(id, 1))?.ended, (await state.deadLetters.at(id, 2))?.ended?.kind],
      [undefined, 'discarded'],
    );
    await cursor.release();
    assert.is(await discarded, 2);
    assert.equal((await state.deadLetters.at(id, 1))?.ended, {
      kind: 'discarded',
      at: START + 1,
      attempts: 2,
      status: 'no',
    });
    assert.equal(await marked(), [3]);
    await state.deadLetters.redrive(id, [1, 2]);
    assert.equal(await marked(), [3]);
  }),
  check(
    'counts as discarded only what it let go, not what was delivered until its pipeline was given up',
    async (store) => {
      const { log, state } = store;
      const id = { shop: SHOP, pipeline: 'p' };
      await state.cursors.begin(id);
      const cursor = await state.cursors.claim(id, never);
      await log.append(record(['a', 'b']));
      const [letter, other] = (await log.read(SHOP, 0, 2, never)).map((stored) => ({
        ...stored,
        reason: 'no',
        attempts: 2,
        at: START,
      }));
      await cursor.save({ progress: cursor.progress, dead: [letter!, other!] });
      assert.is(await state.deadLetters.redrive(id, [1, 2]), 2);
      const discarded = state.deadLetters.discard(id, [1, 2], START + 1);
      if (!cursor.wanted.aborted)
        await new Promise((resolve) => cursor.wanted.addEventListener('abort', resolve, { once: true }));
      const ended = { kind: 'delivered' as const, at: START, attempts: 3, status: 'HTTP 200' };
      await cursor.save({ progress: cursor.progress, dead: [{ ...letter!, ended }] });
      await cursor.release();
      assert.is(await discarded, 1);
      assert.equal((await state.deadLetters.at(id, 1))?.ended, ended);
      assert.is((await state.deadLetters.at(id, 2))?.ended?.kind, 'discarded');
    },
  ),
  check(
    'gives a pipeline first to those that take it, and tells the next holder of those that still wait',
    async ({ state }) => {
      const id = { shop: SHOP, pipeline: 'p' };
      await state.cursors.begin(id);
      const first = await state.cursors.claim(id, never);
      const waiting = state.cursors.claim(id, never);
      const suspended = state.cursors.suspend(id, { reason: 'one', at: START });
      const resumed = state.cursors.resume(id);
      if (!first.wanted.aborted)
        await new Promise((resolve) => first.wanted.addEventListener('abort', resolve, { once: true }));
      await first.release();
      // In the same moment as a claim: nobody holds the pipeline yet.
      assert.equal(await Promise.all([suspended, resumed]), [true, true]);
      const second = await waiting;
      const [again] = [state.cursors.suspend(id, { reason: 'two', at: START })];
      if (!second.wanted.aborted)
        await new Promise((resolve) => second.wanted.addEventListener('abort', resolve, { once: true }));
      await second.release();
      assert.is(await again, true);
      assert.is((await state.cursors.progress(id))?.suspended?.reason, 'two');
      // A claim and a suspension at once: whichever is first, neither waits for ever.
      const third = state.cursors.claim(id, never);
      const last = state.cursors.suspend(id, { reason: 'three', at: START });
      const holder = await third;
      if (!holder.wanted.aborted)
        await Promise.race([
          last,
          new Promise((resolve) => holder.wanted.addEventListener('abort', resolve, { once: true })),
        ]);
      await holder.release();
      assert.is(await last, true);
    },
  ),
  check('remembers which rule was in force where', async ({ state }) => {
    const id = { shop: SHOP, pipeline: 'p' };
    const rule = (since: number) => ({
      since,
      events: [`since-${since}`],
      consent: [],
      whenUnknown: 'filter' as const,
    });
    await state.journal.saveRule(id, rule(0));
    await state.journal.saveRule(id, rule(5));
    assert.equal(
      [
        (await state.journal.ruleAt(id, 4))?.since,
        (await state.journal.ruleAt(id, 5))?.since,
        (await state.journal.ruleAt(id, 500))?.since,
      ],
      [0, 5, 5],
    );
    assert.is(await state.journal.ruleAt({ ...id, shop: OTHER }, 5), undefined);
  }),
  check('lets one move a pipeline at a time, and the next when it is released', async ({ state }) => {
    const id = { shop: SHOP, pipeline: 'p' };
    await state.cursors.begin(id);
    const first = await state.cursors.claim(id, never);
    const second = state.cursors.claim(id, never);
    const impatient = new AbortController();
    const third = state.cursors.claim(id, impatient.signal);
    assert.is(await Promise.race([second, third, soon('nobody')]), 'nobody');
    impatient.abort();
    assert.is(await third.catch(() => 'gave up'), 'gave up');
    await first.save({ progress: { ...first.progress, position: 0, delivered: 7 } });
    await first.release();
    assert.is((await second).progress.delivered, 7);
    await state.cursors.begin({ ...id, pipeline: 'q' });
    await state.cursors.claim({ ...id, pipeline: 'q' }, never);
  }),
  check('takes a pipeline from whoever moves it to suspend and resume it', async ({ state }) => {
    const id = { shop: SHOP, pipeline: 'p' };
    assert.is(await state.cursors.suspend(id, { reason: 'by hand', at: START }), false);
    await state.cursors.begin(id);
    const holder = await state.cursors.claim(id, never);
    const suspending = state.cursors.suspend(id, { reason: 'by hand', at: START });
    await aborted(holder.wanted);
    await holder.release();
    assert.is(await suspending, true);
    assert.equal((await state.cursors.progress(id))?.suspended, { reason: 'by hand', at: START });
    assert.is(await state.cursors.resume(id), true);
    assert.is((await state.cursors.claim(id, never)).progress.suspended, undefined);
  }),
  check('settles many pipelines as it settles each', async ({ log, state }) => {
    await log.append(record(['a', 'b']));
    const ids = ['p', 'q', 'never'].map((pipeline) => ({ shop: SHOP, pipeline }));
    await state.cursors.beginAll(ids.slice(0, 1));
    await state.cursors.begin(ids[1]!, 0);
    const left = { kind: 'left', at: START, newest: 2 } as const;
    await state.cursors.settleAll(ids.map((id) => ({ id, settlement: left })));
    const all = async () => (await state.cursors.standings(ids)).map((standing) => standing?.progress.left);
    assert.equal(await all(), [{ at: START, newest: 2 }, { at: START, newest: 2 }, undefined]);
    // One of them is moved, and given up when it is asked for.
    const cursor = await state.cursors.claim(ids[0]!, never);
    const settled = state.cursors.settleAll(ids.map((id) => ({ id, settlement: { kind: 'settled' } })));
    await aborted(cursor.wanted);
    await cursor.release();
    await settled;
    assert.equal(await all(), [{ at: START, newest: 2, settled: 'finished' }, { at: START, newest: 2 }, undefined]);
    await state.cursors.settleAll([{ id: ids[1]!, settlement: { kind: 'discarded', at: START } }]);
    assert.equal((await state.journal.lineAt(ids[1]!, 1))?.discardedAt, START);
    await state.cursors.settleAll([]);
  }),
  check('has no other processes where there are none', async ({ state }) => {
    assert.equal(await state.cursors.others(), { takers: 0, movers: 0 });
  }),
  check('says whether a process moves a pipeline', async ({ state }) => {
    const id = { shop: SHOP, pipeline: 'p' };
    assert.is(await state.cursors.standing(id), undefined);
    await state.cursors.begin(id);
    assert.is((await state.cursors.standing(id))?.moved, false);
    const cursor = await state.cursors.claim(id, never);
    assert.is((await state.cursors.standing(id))?.moved, true);
    await cursor.release();
    await until(async () => (await state.cursors.standing(id))?.moved === false);
  }),
  check('tells whoever moves a pipeline of redriven letters, and everybody of replays', async ({ state }) => {
    const id = { shop: SHOP, pipeline: 'p' };
    await state.cursors.begin(id);
    const cursor = await state.cursors.claim(id, never);
    const redriven = cursor.redriven();
    await state.deadLetters.redrive({ ...id, pipeline: 'q' }, [1]);
    assert.not.ok(redriven.aborted);
    await state.deadLetters.redrive(id, [1]);
    await aborted(redriven);
    assert.not.ok(cursor.redriven().aborted);
    const changed = state.replays.changed();
    await state.replays.add({ shop: SHOP, pipeline: 'p', after: 0, to: 5, startedAt: START });
    await aborted(changed);
  }),
  check('begins a pipeline where it is told to', async ({ log, state }) => {
    await log.append(record(['a', 'b']));
    const id = { shop: SHOP, pipeline: 'early' };
    await state.cursors.begin(id, 1);
    await state.cursors.begin(id, 2);
    assert.is((await state.cursors.claim(id, never)).progress.position, 1);
  }),
  check('tells of many shops and pipelines at once what it tells of each', async ({ log, state }) => {
    await log.append(record(['a', 'b'], { refused: [refusal('invalid')] }));
    await log.append(record(['c'], { shop: OTHER }));
    assert.equal(await log.shops(), [OTHER, SHOP].sort());
    const shops = [OTHER, 'nobody.myshopify.com', SHOP, OTHER];
    assert.equal(await log.heads(shops), [1, 0, 2, 1]);
    assert.equal(await log.tallies(shops), await Promise.all(shops.map((shop) => log.tally(shop))));
    const ids = [SHOP, OTHER].flatMap((shop) => ['p', 'q'].map((pipeline) => ({ shop, pipeline })));
    await state.cursors.begin(ids[0]!, 0);
    await state.cursors.beginAll(ids.slice(0, 3));
    await state.cursors.beginAll([]);
    assert.equal(
      (await state.cursors.standings([...ids, ids[0]!])).map((standing) => standing?.progress.start),
      [0, 2, 1, undefined, 0],
    );
    await state.cursors.claim(ids[1]!, never);
    assert.is((await state.cursors.standings(ids))[1]?.moved, true);
    assert.equal(await state.cursors.standings(ids), await Promise.all(ids.map((id) => state.cursors.standing(id))));
  }),
  check('says what lies behind a place, and since when', async ({ log }) => {
    await log.append(record(['a'], { at: START }));
    await log.append(record(['b', 'c'], { at: START + 60_000 }));
    await log.append(record(['d'], { shop: OTHER, at: START + 90_000 }));
    const places = [0, 1, 2, 3].map((after) => ({ shop: SHOP, after }));
    const rests = await log.rests([...places, { shop: OTHER, after: 0 }, { shop: 'nobody.myshopify.com', after: 0 }]);
    assert.equal(
      rests.map(({ newest, oldestAt }) => [newest, oldestAt]),
      [
        [3, START],
        [3, START + 60_000],
        [3, START + 60_000],
        [3, undefined],
        [1, START + 90_000],
        [0, undefined],
      ],
    );
    assert.equal(await log.rests([]), []);
  }),
  check('keeps how a pipeline fails, and when it delivered the last time', async ({ state }) => {
    const id = { shop: SHOP, pipeline: 'p' };
    await state.cursors.begin(id);
    const cursor = await state.cursors.claim(id, never);
    const failure = { attempts: 3, reason: 'HTTP 503', nextAttemptAt: START + 7 };
    const progress = { ...cursor.progress, failingSince: START, failure, lastSuccessAt: START - 5 };
    await cursor.save({ progress });
    assert.equal((await state.cursors.standing(id))?.progress, progress);
    await cursor.release();
    await state.cursors.suspend(id, { reason: 'by hand', at: START });
    await state.cursors.resume(id);
    const { failingSince: _, failure: __, ...calm } = progress;
    assert.equal(await state.cursors.progress(id), calm);
  }),
  check('finds the last position before a time', async ({ log }) => {
    await log.append(record(['a'], { at: START }));
    await log.append(record(['b'], { at: START + 10 }));
    const positions = [START - 1, START, START + 1, START + 10, START + 11].map((time) => log.before(SHOP, time));
    assert.equal(await Promise.all(positions), [0, 0, 1, 1, 2]);
    assert.is(await log.before(OTHER, START), 0);
  }),
  check('releases a quarantined event in the commit that stores it, and counts it once', async ({ log, state }) => {
    await log.append(record([], { refused: [refusal('invalid'), refusal('too_large')] }));
    const [first] = await state.quarantine.page(SHOP, { limit: 10 });
    await log.append({ ...record(['a']), released: [first!] });
    assert.equal(
      (await state.quarantine.page(SHOP, { limit: 10 })).map(({ code }) => code),
      ['too_large'],
    );
    assert.equal(await log.tally(SHOP), {
      received: 2,
      appended: 1,
      duplicate: 0,
      quarantined: { invalid: 0, too_large: 1 },
    });
    const [rest] = await state.quarantine.page(SHOP, { limit: 1 });
    await state.quarantine.discard(SHOP, [rest!.id]);
    assert.equal(await state.quarantine.page(SHOP, { limit: 10 }), []);
  }),
  check('lets go of what is old and passed, and of nothing else', async ({ log }) => {
    await log.append(record(['a'], { at: START - 4 * DAY_MS }));
    await log.append(record(['b'], { at: START - 3 * DAY_MS }));
    await log.append(record(['c'], { at: START }));
    assert.equal(await log.trim({ before: new Date(START - DAY_MS), passed: () => 1, maxBytes: 1e12 }), {
      events: 1,
      unpassed: {},
    });
    assert.equal(ids(await log.read(SHOP, 0, 10, never)), ['b', 'c']);
    assert.equal(await log.extent(SHOP), { oldest: 2, newest: 3 });
    assert.equal(await log.append(record(['d'])), [{ kind: 'stored', position: 4 }]);
  }),
  check('past its size lets go of the oldest and says what no pipeline had passed', async ({ log }) => {
    await log.append(record(['a'], { at: START - 2000 }));
    await log.append(record(['b'], { at: START - 1000 }));
    const trimmed = await log.trim({ before: new Date(0), passed: () => 1, maxBytes: 0 });
    assert.equal(trimmed, { events: 2, unpassed: { [SHOP]: 1 } });
    assert.equal(await log.extent(SHOP), { oldest: 3, newest: 2 });
  }),
  check('refuses appends after close', async (store) => {
    await store.close();
    await store.log.append(record(['a'])).then(
      () => assert.unreachable('an append after close was acknowledged'),
      (error) => assert.is(error.name, 'LogUnavailable'),
    );
  }),
  check('refuses everything after close, so that no loop goes on with it', async (store) => {
    const { log, state } = store;
    const id = { shop: SHOP, pipeline: 'p' };
    await state.cursors.begin(id);
    const cursor = await state.cursors.claim(id, never);
    const changed = (): unknown => state.replays.changed();
    await store.close();
    const asked: Readonly<Record<string, () => unknown>> = {
      read: () => log.read(SHOP, 0, 10, never),
      find: () => log.find(SHOP, 'a'),
      extent: () => log.extent(SHOP),
      before: () => log.before(SHOP, START),
      tally: () => log.tally(SHOP),
      trim: () => log.trim({ before: new Date(START), passed: () => 0, maxBytes: 1e12 }),
      begin: () => state.cursors.begin({ shop: SHOP, pipeline: 'new' }),
      claim: () => state.cursors.claim({ shop: SHOP, pipeline: 'q' }, never),
      progress: () => state.cursors.progress(id),
      standing: () => state.cursors.standing(id),
      suspend: () => state.cursors.suspend(id, { reason: 'test', at: START }),
      dead: () => state.deadLetters.open(id, { limit: 1 }),
      quarantined: () => state.quarantine.page(SHOP, { limit: 1 }),
      replays: () => state.replays.all(),
      replaysChanged: changed,
      save: () => cursor.save({ progress: cursor.progress }),
    };
    for (const [name, ask] of Object.entries(asked)) {
      const error = await Promise.resolve()
        .then(ask)
        .then(
          () => undefined,
          (reason: unknown) => reason,
        );
      assert.is((error as Error | undefined)?.name, 'LogUnavailable', name);
    }
    await cursor.release();
  }),
  check('ends reads and claims that wait when it is closed', async (store) => {
    const id = { shop: SHOP, pipeline: 'p' };
    await store.state.cursors.begin(id);
    await store.state.cursors.claim(id, never);
    const waiting = [store.log.read(SHOP, 0, 10, never), store.state.cursors.claim(id, never)].map((asked) =>
      asked.then(
        () => 'answered',
        (error: Error) => error.name,
      ),
    );
    await soon(undefined);
    await store.close();
    assert.equal(await Promise.all(waiting), ['LogUnavailable', 'LogUnavailable']);
  }),
  afterReopening(
    'still has everything after it was opened again',
    async ({ log, state }) => {
      await state.cursors.begin({ shop: SHOP, pipeline: 'p' });
      const cursor = await state.cursors.claim({ shop: SHOP, pipeline: 'p' }, never);
      await log.append(record(['a', 'b'], { refused: [refusal('invalid')] }));
      await cursor.save({ progress: { ...cursor.progress, position: 1, delivered: 1 } });
    },
    async ({ log, state }) => {
      assert.equal(ids(await log.read(SHOP, 0, 10, never)), ['a', 'b']);
      assert.equal(await log.tally(SHOP), { received: 3, appended: 2, duplicate: 0, quarantined: { invalid: 1 } });
      assert.is((await state.quarantine.page(SHOP, { limit: 10 })).length, 1);
      assert.is((await state.cursors.claim({ shop: SHOP, pipeline: 'p' }, never)).progress.position, 1);
    },
  ),
  afterReopening(
    'still knows its ids after it was opened again',
    async ({ log }) => void (await log.append(record(['a', 'b']))),
    async ({ log }) => {
      assert.equal(await log.append(record(['b', 'c'])), [
        { kind: 'duplicate', position: 2 },
        { kind: 'stored', position: 3 },
      ]);
    },
  ),
];
