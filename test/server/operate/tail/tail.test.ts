import { getEventListeners } from 'node:events';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import * as fc from 'fast-check';
import * as assert from 'uvu/assert';
import type { TailFilter, TailLine } from '../../../../schemas/admin-api/tail.ts';
import type { Event } from '../../../../schemas/event.ts';
import { TooManyReaders } from '../../../../server/base/errors.ts';
import { acceptedLines, refusedLines, settledLines } from '../../../../server/operate/tail/lines.ts';
import { createTail, type Tail } from '../../../../server/operate/tail/tail.ts';
import { describe } from '../../../support/describe.ts';
import { until } from '../../../support/until.ts';

const AT = '2026-06-01T12:00:00.000Z';
const SHOP = 'demo.myshopify.com';
const OTHER = 'other.myshopify.com';

const event = (id: string, fields: Partial<Event> = {}): Event => ({
  event_id: id,
  id_source: 'client',
  event_type: 'product_view',
  name: 'product_viewed',
  dialect: 'glood',
  shop: SHOP,
  timestamp: AT,
  timestamp_source: 'client',
  received_at: AT,
  trust: 'public',
  ...fields,
});
const accepted = (id: string, shop = SHOP): TailLine => ({ kind: 'accepted', at: AT, shop, event: event(id) });
const delivered = (event_id: string, pipeline = 'p', type = 'product_view'): TailLine => ({
  kind: 'delivered',
  at: AT,
  shop: SHOP,
  pipeline,
  event_id,
  type,
  name: type,
  status: 'HTTP 200',
});
const refused = (event_id: string, name?: string): TailLine => ({
  kind: 'refused',
  at: AT,
  shop: SHOP,
  dialect: 'glood',
  event_id,
  ...(name !== undefined && { name }),
  code: 'invalid',
  reasons: ['no'],
});

/** What a line says, in short: an event's id, or how many were missed. */
const short = (line: TailLine): string =>
  line.kind === 'missed'
    ? `missed ${line.lines}`
    : 'event' in line
      ? line.event.event_id
      : 'event_id' in line
        ? (line.event_id ?? '')
        : '';

function open(tail: Tail, filter: TailFilter = {}) {
  const stop = new AbortController();
  const lines = tail.lines(filter, stop.signal)[Symbol.asyncIterator]();
  return {
    stop,
    lines,
    leave: () => lines.return!(),
    listeners: () => getEventListeners(stop.signal, 'abort').length,
    /** The next this many lines, in short. */
    take: async (count: number) => {
      const taken: string[] = [];
      while (taken.length < count) {
        const { done, value } = await lines.next();
        if (done) return [...taken, 'end'];
        taken.push(short(value));
      }
      return taken;
    },
  };
}

const publish = (tail: Tail, ...ids: string[]): void => {
  for (const id of ids) tail.publish(accepted(id));
};

/** Node's collector, which only a flag shows. */
function gc(): () => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
}

describe('the tail', ({ it }) => {
  it('listens only while someone looks, from the call on', async () => {
    const tail = createTail();
    assert.is(tail.listening, false);
    publish(tail, 'before');
    const reader = open(tail);
    assert.is(tail.listening, true);
    publish(tail, 'a', 'b');
    assert.equal(await reader.take(2), ['a', 'b']);
    reader.stop.abort();
    assert.is(tail.listening, false);
    publish(tail, 'after');
    assert.equal(await reader.take(1), ['end']);
  });

  it('gives a line to a reader that waits, and lines in order to one that asks several times at once', async () => {
    const tail = createTail();
    const reader = open(tail);
    const waiting = [reader.take(1), reader.take(1), reader.take(1)];
    publish(tail, 'a', 'b', 'c');
    assert.equal(await Promise.all(waiting), [['a'], ['b'], ['c']]);
    publish(tail, 'd');
    assert.equal(await reader.take(1), ['d']);
  });

  it('gives every reader every line, however slow the others are', async () => {
    const tail = createTail({ bufferLines: 2 });
    const slow = open(tail);
    const fast = open(tail);
    for (const id of ['a', 'b', 'c', 'd']) {
      publish(tail, id);
      assert.equal(await fast.take(1), [id]);
    }
    assert.equal(await slow.take(3), ['a', 'b', 'missed 2']);
  });

  it('keeps no more than 8 MB for a reader that is slow, whatever the size of the lines', async () => {
    const tail = createTail();
    const reader = open(tail);
    const large = { ...accepted('large'), event: event('large', { query: 'x'.repeat(1024 * 1024) }) } as TailLine;
    for (let n = 0; n < 20; n++) tail.publish(large);
    assert.equal(await reader.take(8), [...Array.from({ length: 7 }, () => 'large'), 'missed 13']);
    publish(tail, 'a');
    assert.equal(await reader.take(1), ['a']);
    for (let n = 0; n < 20; n++) tail.publish(large);
    assert.equal((await reader.take(8)).at(-1), 'missed 13', 'what was taken makes room');
  });

  it('tells a slow reader how many it missed, where the gap is, before it goes on', async () => {
    const tail = createTail({ bufferLines: 3 });
    const reader = open(tail);
    publish(tail, '1', '2', '3', '4', '5');
    assert.equal(await reader.take(2), ['1', '2']);
    publish(tail, '6', '7');
    assert.equal(await reader.take(4), ['3', 'missed 2', '6', 'missed 1']);
    publish(tail, '8');
    assert.equal(await reader.take(1), ['8']);
  });

  it('has no room for a line after a gap without room for the word of the gap', async () => {
    const tail = createTail({ bufferLines: 2 });
    const reader = open(tail);
    publish(tail, 'a', 'b', 'c');
    assert.equal(await reader.take(1), ['a']);
    publish(tail, 'd');
    assert.equal(await reader.take(2), ['b', 'missed 2']);
  });

  it('tells of a gap also when nothing comes after it', async () => {
    const tail = createTail({ bufferLines: 1 });
    const reader = open(tail);
    publish(tail, 'a', 'b', 'c');
    assert.equal(await reader.take(2), ['a', 'missed 2']);
  });

  it('does not count as missed what the filter leaves out', async () => {
    const tail = createTail({ bufferLines: 1 });
    const reader = open(tail, { shop: OTHER });
    publish(tail, 'a', 'b');
    tail.publish(accepted('c', OTHER));
    publish(tail, 'd');
    tail.publish(accepted('e', OTHER));
    assert.equal(await reader.take(2), ['c', 'missed 1']);
  });

  it('holds 1000 lines for a reader that does not read, and no more', async () => {
    const tail = createTail();
    const reader = open(tail);
    for (let i = 0; i < 50_000; i++) publish(tail, String(i));
    const taken = await reader.take(1001);
    assert.is(taken[999], '999');
    assert.is(taken[1000], 'missed 49000');
  });

  it('accounts for every line, in order, within its buffer, however reading and publishing alternate', async () => {
    const steps = fc.array(fc.tuple(fc.nat(5), fc.nat(5)), { maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 8 }), steps, async (bufferLines, turns) => {
        const tail = createTail({ bufferLines });
        const reader = open(tail);
        let published = 0;
        let seen = 0;
        const takeOne = async () => {
          const { value } = await reader.lines.next();
          if (value.kind === 'missed') assert.ok(value.lines > 0);
          else assert.is(short(value), String(seen));
          seen += value.kind === 'missed' ? value.lines : 1;
          return value.kind;
        };
        for (const [reading, publishing] of turns) {
          for (let i = 0; i < reading && seen < published; i++) await takeOne();
          for (let i = 0; i < publishing; i++) publish(tail, String(published++));
        }
        const held: TailLine['kind'][] = [];
        while (seen < published) held.push(await takeOne());
        assert.is(seen, published);
        // A gap at the very end is a number, not yet a line in the buffer.
        if (held.at(-1) === 'missed') held.pop();
        assert.ok(held.length <= bufferLines, `${held.length} lines held, ${bufferLines} allowed`);
      }),
    );
  });
});

describe('a reader of the tail', ({ it }) => {
  it('ends at once when the signal aborts while it waits', async () => {
    const tail = createTail();
    const reader = open(tail);
    const waiting = reader.take(1);
    reader.stop.abort();
    assert.is(tail.listening, false);
    assert.equal(await waiting, ['end']);
  });

  it('ends at once when it is left while it waits', async () => {
    const tail = createTail();
    const reader = open(tail);
    const waiting = [reader.take(1), reader.take(1)];
    assert.equal(await reader.leave(), { done: true, value: undefined });
    assert.is(tail.listening, false);
    assert.equal(await Promise.all(waiting), [['end'], ['end']]);
    assert.equal(await reader.take(1), ['end']);
  });

  it('gets nothing more after its end, also not what was kept for it', async () => {
    const tail = createTail({ bufferLines: 1 });
    const reader = open(tail);
    publish(tail, 'a', 'b');
    reader.stop.abort();
    assert.equal(await reader.take(1), ['end']);
  });

  it('keeps no line alive after its end', async () => {
    const tail = createTail();
    const reader = open(tail);
    const line = (() => {
      const published = accepted('a');
      tail.publish(published);
      return new WeakRef(published);
    })();
    const collect = gc();
    reader.stop.abort();
    await until(() => {
      collect();
      return line.deref() === undefined;
    });
    assert.equal(await reader.take(1), ['end']);
  });

  it('ends before it begins when the signal is aborted already', async () => {
    const tail = createTail();
    const signal = AbortSignal.abort();
    for await (const line of tail.lines({}, signal)) assert.unreachable(short(line));
    assert.is(tail.listening, false);
    assert.is(getEventListeners(signal, 'abort').length, 0);
  });

  it('leaves by breaking its loop', async () => {
    const tail = createTail();
    const stop = new AbortController();
    const lines = tail.lines({}, stop.signal);
    publish(tail, 'a', 'b');
    for await (const line of lines) {
      assert.is(short(line), 'a');
      break;
    }
    assert.is(tail.listening, false);
    assert.is(getEventListeners(stop.signal, 'abort').length, 0);
  });

  it('leaves no listener behind on a signal that outlives it', async () => {
    const tail = createTail();
    const { signal } = new AbortController();
    for (let i = 0; i < 100; i++) await tail.lines({}, signal)[Symbol.asyncIterator]().return!();
    assert.is(getEventListeners(signal, 'abort').length, 0);
    const reader = open(tail);
    assert.is(reader.listeners(), 1);
    reader.stop.abort();
    assert.is(reader.listeners(), 0);
  });

  it('may leave twice', async () => {
    const tail = createTail();
    const [one, other] = [open(tail), open(tail)];
    await one.leave();
    one.stop.abort();
    await one.leave();
    assert.is(tail.listening, true);
    publish(tail, 'a');
    assert.equal(await other.take(1), ['a']);
  });

  it('is refused as the twenty-first, and let in once another has left', async () => {
    const tail = createTail();
    const readers = Array.from({ length: 20 }, () => open(tail));
    const { signal } = new AbortController();
    assert.throws(
      () => tail.lines({}, signal),
      (error: unknown) => error instanceof TooManyReaders && /at most 20/.test(error.message),
    );
    assert.is(getEventListeners(signal, 'abort').length, 0);
    await readers[7]!.leave();
    const late = open(tail);
    publish(tail, 'a');
    for (const reader of [...readers.slice(0, 7), ...readers.slice(8), late]) assert.equal(await reader.take(1), ['a']);
  });
});

const everything: readonly TailLine[] = [
  accepted('accepted'),
  accepted('other', OTHER),
  { kind: 'duplicate', at: AT, shop: SHOP, event: event('duplicate', { event_type: 'purchase', name: 'purchase' }) },
  refused('nameless'),
  refused('refused', 'product_viewed'),
  delivered('delivered'),
  delivered('q', 'q'),
  delivered('bought', 'p', 'purchase'),
];

const filters: [filter: TailFilter, ids: string[]][] = [
  [{}, ['accepted', 'other', 'duplicate', 'nameless', 'refused', 'delivered', 'q', 'bought']],
  [{ shop: OTHER }, ['other']],
  [{ pipeline: 'p' }, ['delivered', 'bought']],
  [{ pipeline: 'q', shop: OTHER }, []],
  [{ types: ['purchase'] }, ['duplicate', 'bought']],
  [{ types: ['product_view'] }, ['accepted', 'other', 'delivered', 'q']],
  [{ types: ['product_*'] }, ['accepted', 'other', 'refused', 'delivered', 'q']],
  [{ types: ['product_viewed'] }, ['accepted', 'other', 'refused']],
  [{ types: ['nothing', '*ase'] }, ['duplicate', 'bought']],
  [{ kinds: ['refused', 'duplicate'] }, ['duplicate', 'nameless', 'refused']],
  [{ kinds: ['delivered'], pipeline: 'p', types: ['product_*'] }, ['delivered']],
];

describe('the filter of a reader', ({ it }) => {
  for (const [filter, ids] of filters) {
    it(`${JSON.stringify(filter)} lets through ${ids.join(', ') || 'nothing'}`, async () => {
      const tail = createTail();
      const reader = open(tail, filter);
      for (const line of everything) tail.publish(line);
      assert.equal(await reader.take(ids.length), ids);
      const beyond = reader.lines.next();
      reader.stop.abort();
      assert.is((await beyond).done, true);
    });
  }

  it('never keeps from a reader what it missed', async () => {
    const tail = createTail({ bufferLines: 1 });
    const reader = open(tail, { kinds: ['accepted'], shop: SHOP });
    publish(tail, 'a', 'b');
    assert.equal(await reader.take(2), ['a', 'missed 1']);
  });

  it("tells nobody of another reader's gap", async () => {
    const tail = createTail();
    const reader = open(tail);
    tail.publish({ kind: 'missed', lines: 3 });
    publish(tail, 'a');
    assert.equal(await reader.take(1), ['a']);
  });
});

const context = { shop: SHOP, receivedAt: Date.parse(AT), trust: 'public', channel: 'web' } as const;

describe('lines of the tail', ({ it }) => {
  it('say of each event of a record whether it was accepted or known', () => {
    const events = [event('a'), event('b')];
    const lines = acceptedLines(
      { context },
      [
        { kind: 'stored', position: 7 },
        { kind: 'duplicate', position: 3 },
      ],
      events,
    );
    assert.equal(lines, [
      { kind: 'accepted', at: AT, shop: SHOP, event: events[0] },
      { kind: 'duplicate', at: AT, shop: SHOP, event: events[1] },
    ]);
  });

  it('name an event as it is stored, where its own id belongs to another', () => {
    const [line] = acceptedLines({ context }, [{ kind: 'stored', position: 7, id: 'a~01234567' }], [event('a')]);
    const renamed = { ...event('a'), event_id: 'a~01234567', id_source: 'reused', sent_id: 'a' };
    assert.equal(line, { kind: 'accepted', at: AT, shop: SHOP, event: renamed });
  });

  it('say what was refused and why, without the body', () => {
    const lines = refusedLines({
      dialect: 'layers',
      context,
      refused: [
        { index: 1, id: 'a', name: 'nope', code: 'unknown_type', reasons: ['events[1]: …'], raw: '{"secret":1}' },
        { id: undefined, name: undefined, code: 'malformed', reasons: ['not JSON'], raw: '{' },
      ],
    });
    const common = { kind: 'refused', at: AT, shop: SHOP, dialect: 'layers' } as const;
    assert.equal(lines, [
      { ...common, name: 'nope', event_id: 'a', code: 'unknown_type', reasons: ['events[1]: …'] },
      { ...common, code: 'malformed', reasons: ['not JSON'] },
    ]);
  });

  it('says what an attempt made of each event', () => {
    const events = ['a', 'b'].map((id, position) => ({ position, event: event(id) }));
    const lines = settledLines({ shop: SHOP, pipeline: 'p' }, 'dead', events, 'HTTP 422', Date.parse(AT));
    const common = {
      kind: 'dead',
      at: AT,
      shop: SHOP,
      pipeline: 'p',
      type: 'product_view',
      name: 'product_viewed',
      status: 'HTTP 422',
    } as const;
    assert.equal(lines, [
      { ...common, event_id: 'a' },
      { ...common, event_id: 'b' },
    ]);
  });
});
