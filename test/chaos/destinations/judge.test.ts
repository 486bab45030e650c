import * as assert from 'uvu/assert';
import type { Balance } from '../../../schemas/admin-api/balance.ts';
import { describe } from '../../support/describe.ts';
import type { Case, Expected } from './cases.ts';
import { judgeCases, type Observed } from './judge.ts';
import { bookkeeping, leaks } from './run.ts';

const waits: Expected = { kind: 'waits', says: /HTTP 500/ };
const patient: Observed = {
  phases: [
    { kind: 'failing', reason: 'HTTP 500', waitMs: 2000 },
    { kind: 'delivering', waitMs: 0 },
  ],
  asked: [1000, 2100, 4200],
  delivered: 0,
  dead: [],
};
const letter = (n: number, reason = 'HTTP 422: no') => ({ id: `lane0-${n}`, lane: 'lane0', n, reason });

/** The names of the findings that fail for one case, and what they say. */
function failed(expected: Expected, seen: Partial<Observed>, more: Partial<Case> = {}): string[] {
  const one: Case = { name: 'one', fault: { closed: true }, expected, ...more };
  return judgeCases([one], new Map([['one', { ...patient, ...seen }]]))
    .filter(({ passed }) => !passed)
    .map(({ name, examples }) => `${name} ${examples[0] ?? ''}`);
}

describe('the judge of bad destinations', ({ it }) => {
  it('passes a pipeline that waits, for the right reason, as long as it should', () => {
    assert.equal(failed(waits, {}), []);
  });

  it('catches a fault that was never met', () => {
    assert.equal(failed(waits, { asked: [1000] }), ['MET one']);
    const nothing = judgeCases([{ name: 'one', fault: {}, expected: waits }], new Map());
    assert.is(nothing[0]?.passed, false);
  });

  it('catches deliveries and dead letters where there may be none', () => {
    assert.equal(failed(waits, { delivered: 3 }), ['ACTION one: 3 delivered']);
    assert.equal(failed(waits, { dead: [letter(1)] }), ['ACTION one: lane0-1 is dead: HTTP 422: no']);
  });

  it('catches another reason, and one that is never said', () => {
    const other = { kind: 'failing', reason: 'ECONNRESET', waitMs: 0 } as const;
    assert.equal(failed(waits, { phases: [...patient.phases, other] }), ['ACTION one: the reason was: ECONNRESET']);
    assert.equal(failed(waits, { phases: patient.phases.slice(1) }), ['ACTION one: never failing, but delivering']);
  });

  it('catches whoever asks again too soon, and too often', () => {
    assert.equal(failed(waits, { asked: [1000, 1900, 4000] }), ['ACTION one: asked again after 900 ms']);
    assert.equal(failed({ ...waits, apartMs: 5000 }, { asked: [0, 4500] }), ['ACTION one: asked again after 4500 ms']);
    const often = Array.from({ length: 20 }, (_, index) => index * 500);
    assert.ok(failed(waits, { asked: often }).includes('ASKED '));
  });

  it('lets lanes begin together, and no longer than that', () => {
    const wide = { rules: { lanes: 4 } };
    assert.equal(failed(waits, { asked: [1000, 1001, 1002, 2600, 3700] }, wide), []);
    assert.equal(failed(waits, { asked: [1000, 1001, 2600, 2700] }, wide), ['ACTION one: asked again after 100 ms']);
  });

  it('catches a wait of a day that is none', () => {
    const day = { ...waits, waitMs: 86_400_000 };
    assert.equal(failed(day, {}), ['ACTION one: it meant to wait 2000 ms']);
    assert.equal(failed(day, { phases: [{ kind: 'failing', reason: 'HTTP 500', waitMs: 86_399_000 }] }), []);
  });

  it('catches a pipeline that waits for what has been taken', () => {
    assert.equal(failed({ kind: 'takes' }, { delivered: 5, phases: [] }), []);
    assert.equal(failed({ kind: 'takes' }, { delivered: 0, phases: [] }), ['ACTION one: nothing delivered']);
    assert.equal(failed({ kind: 'takes' }, { delivered: 5 }), ['ACTION one: it waited: HTTP 500']);
  });

  it('catches dead letters of events that were welcome, and a refusal without any', () => {
    const choosy: Expected = { kind: 'buries', says: /^HTTP 422/, only: ({ n }) => n === 7 };
    assert.equal(failed(choosy, { dead: [letter(7)] }), []);
    assert.equal(failed(choosy, { dead: [letter(7), letter(8)] }), ['ACTION one: lane0-8 is dead, and was welcome']);
    assert.equal(failed(choosy, {}), ['ACTION one: no dead letters']);
    assert.equal(failed(choosy, { dead: [letter(7, 'failed alone')] }), ['ACTION one: lane0-7 is dead: failed alone']);
    assert.equal(failed({ kind: 'buries', says: /./ }, { dead: [letter(1)], delivered: 2 }), [
      'ACTION one: 2 delivered',
    ]);
  });

  it('catches a pipeline that goes on although its destination is gone', () => {
    const gone: Expected = { kind: 'suspends', says: /HTTP 410/ };
    assert.equal(failed(gone, { phases: [{ kind: 'suspended', reason: 'HTTP 410', waitMs: 0 }] }), []);
    assert.equal(failed(gone, { phases: [{ kind: 'failing', reason: 'HTTP 410', waitMs: 0 }] }), [
      'ACTION one: never suspended, but failing',
    ]);
  });
});

describe('the books beside bad destinations', ({ it }) => {
  const target = { shop: 'a', pipeline: 'p', port: 0 };
  const received = [1, 2].map((n) => ({ id: `e${n}`, shop: 'a', lane: 'l', n, crc: 0, destination: 'a/p' }));
  const letters = [{ shop: 'a', pipeline: 'p', event: { event_id: 'e3' } }] as unknown as Parameters<
    typeof bookkeeping
  >[2];
  const books = (more: object = {}) =>
    ({
      balanced: true,
      shops: [],
      pipelines: [{ ...target, appended: 3, delivered: 2, dead: 1, pending: 0, difference: 0, ...more }],
    }) as unknown as Balance;
  const examples = (...given: Parameters<typeof bookkeeping>) => bookkeeping(...given).examples.length;

  it('agree with what arrived and what is dead', () => {
    assert.is(examples(books(), received, letters, [target], new Set()), 0);
    assert.is(examples(books({ pending: 4 }), received, letters, [target], new Set(['p'])), 0);
  });

  it('are caught with one more or less, something left over, or an event in two places', () => {
    for (const more of [{ delivered: 3 }, { dead: 0 }, { pending: 1 }, { difference: 1 }])
      assert.is(examples(books(more), received, letters, [target], new Set()), 1);
    assert.is(examples(books(), received, letters, [target], new Set(['p'])), 1);
    const twice = [...received, { ...received[0]!, id: 'e3' }];
    assert.is(examples(books({ delivered: 3 }), twice, letters, [target], new Set()), 1);
    assert.is(examples({ ...books(), balanced: false }, received, letters, [target], new Set()), 1);
  });
});

describe('secrets in what is said', ({ it }) => {
  it('are found wherever they are', () => {
    assert.is(leaks({ log: 'nothing' }).count, 0);
    assert.is(leaks({ log: 'x', page: 'and api-key-of-the-destinations again' }).count, 1);
  });
});
