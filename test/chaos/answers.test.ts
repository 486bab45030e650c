import * as assert from 'uvu/assert';
import type { Balance } from '../../schemas/admin-api/balance.ts';
import { describe } from '../support/describe.ts';
import { type Answer, ackedAfter, judgeAnswers, judgeTold } from './answers.ts';
import { booksAgree } from './database/books.ts';
import type { Received } from './judge.ts';

const answer = (kind: Answer['kind'], why: string, more: Partial<Answer> = {}): Answer => ({
  kind,
  lane: 'l',
  from: 0,
  count: 1,
  why,
  at: 1000,
  ms: 10,
  ...more,
});
const acked = answer('acked', '201');
const unavailable = answer('refused', '503', { retryAfter: '1' });

const failed = (answers: readonly Answer[], breaks = false): string[] =>
  [...judgeTold(answers), ...judgeAnswers(answers, { slowestSeconds: 5, breaks })]
    .filter(({ passed }) => !passed)
    .map(({ name }) => name);

describe('judge of answers', ({ it }) => {
  it('passes 2xx, and 503 that say when to come again', () => {
    assert.equal(failed([acked, unavailable, acked]), []);
  });

  it('catches a 503 that does not say when to come again, or says nonsense', () => {
    assert.equal(failed([acked, answer('refused', '503')]), ['RETRY-AFTER']);
    assert.equal(failed([answer('refused', '503', { retryAfter: 'soon' })]), ['RETRY-AFTER']);
  });

  it('catches any other answer, whose events nobody would send again', () => {
    for (const status of ['500', '502', '401', '429', '301']) {
      assert.equal(failed([acked, answer('refused', status, { retryAfter: '1' })]), ['ANSWERS'], status);
    }
  });

  it('catches a request that got no answer, unless the scenario broke it off', () => {
    const cut = answer('unknown', 'socket hang up');
    assert.equal(failed([acked, cut]), ['UNANSWERED']);
    assert.equal(failed([acked, cut], true), []);
  });

  it('catches an answer that took too long, whatever it was', () => {
    assert.equal(failed([acked, { ...acked, ms: 5001 }]), ['SLOWEST']);
    assert.equal(failed([{ ...unavailable, ms: 5001 }]), ['SLOWEST']);
    assert.equal(failed([answer('unknown', 'no answer within 40000 ms', { ms: 40_000 })], true), ['SLOWEST']);
  });

  it('measures to the first 2xx after a moment, not to what came before or to a 503', () => {
    const answers = [acked, { ...unavailable, at: 2000 }, { ...acked, at: 3500 }, { ...acked, at: 4000 }];
    assert.is(ackedAfter(answers, 1500), 2);
    assert.is(ackedAfter(answers, 4001), undefined);
  });
});

describe('judge of books', ({ it }) => {
  const target = { shop: 'a', pipeline: 'hook', port: 0 };
  const received = [0, 1, 1].map(
    (n): Received => ({ id: `e${n}`, shop: 'a', lane: 'l', n, crc: 0, destination: 'a/hook' }),
  );
  const books = (shop: object = {}, pipeline: object = {}, balanced = true): Balance => ({
    balanced,
    shops: [{ shop: 'a', received: 3, appended: 2, duplicate: 1, quarantined: {}, difference: 0, ...shop }],
    pipelines: [
      {
        shop: 'a',
        pipeline: 'hook',
        appended: 2,
        delivered: 2,
        dead: 0,
        filtered: {},
        dropped: {},
        pending: 0,
        difference: 0,
        ...pipeline,
      },
    ],
  });

  it('passes books that count each event that arrived once, however often it came', () => {
    assert.ok(booksAgree(books(), received, [target]).passed);
  });

  it('catches books that count otherwise, do not balance, or are missing', () => {
    const wrong = [
      books({ appended: 3 }),
      books({ difference: 1 }),
      books({}, { delivered: 3 }),
      books({}, { delivered: 1, pending: 1 }),
      books({}, { difference: -1 }),
      books({}, {}, false),
      { balanced: true, shops: [], pipelines: [] },
    ];
    for (const one of wrong) assert.not(booksAgree(one, received, [target]).passed, JSON.stringify(one));
  });

  it('catches an event that was stored and came nowhere', () => {
    assert.not(booksAgree(books(), received.slice(0, 1), [target]).passed);
  });
});
