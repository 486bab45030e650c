import * as assert from 'uvu/assert';
import type { Event } from '../../schemas/event.ts';
import { describe } from '../support/describe.ts';
import { exactly } from './exact.ts';
import { mistakes } from './judge.ts';
import { lost, lostOf } from './kept.ts';
import type { Played } from './play.ts';
import { layers } from './requests.ts';
import { DERIVED, type Row } from './row.ts';

const event = {
  event_id: 'event-1',
  name: 'product_view',
  event_type: 'product_view',
  timestamp: '2026-06-01T12:00:00.000Z',
  session_id: 'session-1',
  product_id: '7003338965178',
} as Event;
const row: Row = { name: 'a row', source: 'none', sends: layers(), event: { product_id: '7003338965178' } };
const counts = { 'content-type': 'application/json', 'x-events-accepted': '1' };
const good: Played = {
  row,
  requests: [layers()],
  answers: [{ status: 201, body: 'null', headers: counts }],
  events: [event],
  bodies: ['{}'],
  quarantined: [],
};

/** Things that may go wrong with a row, and what must be said of each. */
const wrong: readonly (readonly [what: string, played: Partial<Played>, says: RegExp])[] = [
  ['another status', { answers: [{ status: 200, body: 'null', headers: counts }] }, /expected the status 201, got 200/],
  ['another body', { answers: [{ status: 201, body: '', headers: counts }] }, /expected the body null/],
  [
    'a header that is missing',
    { answers: [{ status: 201, body: 'null', headers: { 'x-events-accepted': '1' } }] },
    /content-type/,
  ],
  ['no answer', { answers: [] }, /expected 1 answers, got 0/],
  ['no event', { events: [] }, /expected 1 events, got 0/],
  ['another value', { events: [{ ...event, product_id: '1' }] }, /expected product_id to be "7003338965178", got "1"/],
  ['an extra that the row does not name', { events: [{ ...event, extra: { a: 1 } }] }, /expected extra to be missing/],
  [
    'a value that must be missing',
    { row: { ...row, event: { session_id: undefined } } },
    /expected session_id to be missing/,
  ],
  [
    'an id that was not derived',
    { row: { ...row, event: { event_id: DERIVED } } },
    /expected event_id to be an id of 32 hex digits/,
  ],
  [
    'an event that was refused',
    { quarantined: [{ shop: 's', code: 'invalid', reasons: ['no'], raw: '{}' }] },
    /expected 0 in quarantine, got 1: invalid: no/,
  ],
  [
    'another reason',
    {
      row: { ...row, refused: [{ code: 'invalid', reason: /id/ }] },
      quarantined: [{ shop: 's', code: 'invalid', reasons: ['no'], raw: '{}' }],
    },
    /expected in quarantine invalid: \/id\//,
  ],
  [
    'a count that is not true',
    { answers: [{ status: 201, body: 'null', headers: { ...counts, 'x-events-accepted': '2' } }] },
    /got 2, 0, 0/,
  ],
  [
    'a secret that left',
    { row: { ...row, secrets: ['key-1'] }, bodies: ['{"cart":"?key-1"}'] },
    /nobody may get key-1/,
  ],
];

describe('the judge of inputs', ({ it }) => {
  it('says nothing where all is as the row says', () => {
    assert.equal(mistakes(good), []);
    assert.equal(lost(good), []);
  });

  for (const [what, played, says] of wrong)
    it(`sees ${what}`, () => assert.match(mistakes({ ...good, ...played }).join('\n'), says));

  it('sees a value that is lost, whatever else is there under other names', () => {
    const kept = { events: [{ ...event, extra: { other: 'b', list: [1] } } as Event], quarantined: [] };
    const sent = {
      product_id: 7003338965178,
      theme: 'b',
      list: [1, 2],
      deep: { theme: 'c' },
      nothing: null,
      empty: '',
    };
    assert.equal(lostOf('layers', sent, kept), ['theme: "b"', 'list: 2', 'deep.theme: "c"']);
  });

  it('takes numbers past 2^53 as their digits', () => {
    const sent = exactly('{"product_id":9007199254740993,"text":"\\"1\\": 9007199254740993"}');
    assert.equal(sent, { product_id: '9007199254740993', text: '"1": 9007199254740993' });
    const rounded = { events: [{ ...event, product_id: '9007199254740992' }], quarantined: [] };
    assert.equal(lostOf('layers', { product_id: '9007199254740993' }, rounded), ['product_id: "9007199254740993"']);
  });

  it('finds what was refused in quarantine', () => {
    const quarantined = [{ shop: 's', code: 'invalid', reasons: [], raw: '{"product_id":"x"}' }];
    assert.equal(lostOf('layers', { product_id: 'x', query: 'y' }, { events: [], quarantined }), ['query: "y"']);
  });
});
