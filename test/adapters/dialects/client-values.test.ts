import * as assert from 'uvu/assert';
import type { Dialect } from '../../../adapters/dialects/dialect.ts';
import { glood } from '../../../adapters/dialects/glood/glood.ts';
import { readInit } from '../../../adapters/dialects/glood/init.ts';
import { kindOf } from '../../../adapters/dialects/kind.ts';
import { layers } from '../../../adapters/dialects/layers/layers.ts';
import { tapcart } from '../../../adapters/dialects/tapcart/tapcart.ts';
import type { Event } from '../../../schemas/event.ts';
import { context, rules } from '../../contracts/dialect.ts';
import { describe } from '../../support/describe.ts';
import { PLACEHOLDERS } from '../../support/placeholders.ts';

/** How a dialect states its ids and its time. */
interface Way {
  readonly dialect: Dialect;
  /** A body that is accepted, with these values. */
  readonly body: (values: Values) => object;
  /** Where what was not used is kept. */
  readonly kept: (event: Event) => unknown;
}

interface Values {
  readonly event_id?: unknown;
  readonly session_id?: unknown;
  readonly device_id?: unknown;
  readonly user_id?: unknown;
  readonly customer_id?: unknown;
  readonly timestamp?: unknown;
  readonly query?: unknown;
}

const WAYS: readonly Way[] = [
  {
    dialect: layers,
    body: (values) => ({
      events: [
        {
          event_type: 'search',
          event_id: 'e-1',
          session_id: 's-1',
          timestamp: '2026-06-01T11:59:00Z',
          query: 'q',
          ...values,
        },
      ],
    }),
    kept: ({ extra }) => extra,
  },
  {
    dialect: glood,
    body: ({ event_id = 'e-1', session_id = 's-1', timestamp, device_id, query = 'q', ...values }) => ({
      event: { id: event_id, name: 'search_submitted', timestamp, data: { searchResult: { query } } },
      session_id,
      client_id: device_id,
      ...values,
    }),
    kept: ({ extra = {} }) => {
      const { event, client_id: device_id, ...rest } = extra as Record<string, object>;
      const { id: event_id, ...inEvent } = (event ?? {}) as Record<string, unknown>;
      const all = { event_id, device_id, ...inEvent, ...rest };
      return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
    },
  },
  {
    dialect: tapcart,
    body: ({ event_id = 'e-1', session_id = 's-1', device_id, customer_id, timestamp, query = 'q' }) => ({
      event: 'search',
      data: { query },
      properties: { deviceId: device_id, customer_id, timestamp },
      mp_metadata: { mp_event_id: event_id, mp_session_id: session_id },
    }),
    kept: ({ extra = {}, contextual_data = {} }) => {
      const { mp_event_id: event_id, mp_session_id: session_id } = (extra.mp_metadata ?? {}) as Record<string, unknown>;
      const { deviceId: device_id, customer_id, timestamp } = contextual_data;
      const all = { event_id, session_id, device_id, customer_id, timestamp };
      return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
    },
  },
];

/** Bodies are texts where numbers are to keep their digits. */
function take(dialect: Dialect, body: object | string) {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const { events, refused, replaced = [] } = dialect.read(text, rules);
  assert.equal(refused, []);
  const [draft] = events;
  const [event] = dialect.view(text, [0], context('public'), [draft?.derived ?? 0]);
  assert.equal(dialect.view(text, [0], context('public'))[0], event, 'not as stored');
  assert.is(event?.event_id, draft?.id);
  return { draft: draft!, event: event!, replaced: replaced.map(({ field, reason }) => `${field} ${reason}`) };
}

/** Ids of events that are not placeholders and cannot serve as ids either. */
const UNUSABLE: readonly unknown[] = ['x'.repeat(201), 'a\u0000b', { toString: 1 }, ['a'], true, 0.5, 1e300, -1.5];

for (const { dialect, body, kept } of WAYS) {
  describe(`${dialect.name}, the id of an event`, ({ it }) => {
    for (const [reason, ids] of [
      ['placeholder', PLACEHOLDERS],
      ['unusable', UNUSABLE],
    ] as const) {
      for (const event_id of ids) {
        it(`is derived for ${String(JSON.stringify(event_id)).slice(0, 60)}`, () => {
          const { event, draft, replaced } = take(dialect, body({ event_id }));
          assert.match(event.event_id, /^[0-9a-f]{32}$/);
          assert.equal([event.id_source, draft.derived], ['derived', 2]);
          assert.equal(kept(event), { event_id });
          assert.equal(replaced, [`event_id ${reason}`]);
          const other = take(dialect, body({ event_id, query: 'other' }));
          assert.is.not(other.draft.id, draft.id);
        });
      }
    }

    it('is derived for an empty one, of which there is nothing to keep', () => {
      const { event, replaced } = take(dialect, body({ event_id: '' }));
      assert.equal([event.id_source, replaced], ['derived', []]);
      assert.match(event.event_id, /^[0-9a-f]{32}$/);
      assert.not(JSON.stringify(kept(event) ?? {}).includes('event_id'));
    });

    it('is the client’s where it can serve as one', () => {
      for (const [event_id, id] of [
        ['e-7', 'e-7'],
        [2 ** 53, '9007199254740992'],
        [' e 7 ', ' e 7 '],
        [7, '7'],
        ['x'.repeat(200), 'x'.repeat(200)],
        ['820982911946154508', '820982911946154508'],
      ] as const) {
        const { event, draft, replaced } = take(dialect, body({ event_id }));
        assert.equal([event.event_id, event.id_source, draft.derived, replaced], [id, 'client', undefined, []]);
      }
    });

    it('is another where a number is another as written, also past 2^53, and the same where its value is', () => {
      const idOf = (number: string) =>
        take(dialect, JSON.stringify(body({ event_id: 'null', query: '#' })).replace('"#"', `"q","n":${number}`)).draft
          .id;
      const groups: readonly (readonly string[])[] = [
        ['820982911946154508'],
        ['820982911946154509'],
        ['9007199254740992', '9007199254740992.0', '9007199254740.992e3'],
        ['9007199254740993', '9.007199254740993E15'],
        ['0.1', '0.10', '1e-1'],
        ['0.1000000000000000055511151231257827'],
        ['1e400'],
        ['1e401'],
        ['1e-400'],
        ['0', '0.0', '0e400'],
        ['1', '1.0', '1e0'],
        ['-1'],
        ['1e999999999999999999999'],
        ['1e999999999999999999998'],
      ];
      const ids = groups.map((group) => {
        const same = new Set(group.map(idOf));
        assert.is(same.size, 1, group.join(' '));
        return [...same][0];
      });
      assert.is(new Set(ids).size, groups.length);
    });

    it('stays what it was where it was stored by the first version', () => {
      const number = '820982911946154508';
      const text = JSON.stringify(body({ event_id: '', query: '#' })).replace('"#"', `"q","n":${number}`);
      const by = (derivations?: readonly number[]) =>
        dialect.view(text, [0], context('public'), derivations)[0]?.event_id;
      assert.is(by([0]), by([1]));
      assert.is.not(by([1]), by([2]));
      assert.is(by(), by([2]));
      const junk = JSON.stringify(body({ event_id: 'undefined' }));
      const [stored] = dialect.view(junk, [0], context('public'), [0]);
      assert.equal([stored?.event_id, stored?.id_source], ['undefined', 'client']);
    });
  });

  describe(`${dialect.name}, whose an event is`, ({ it }) => {
    for (const field of [
      'session_id',
      'device_id',
      'customer_id',
      ...(dialect === glood ? ['user_id'] : []),
    ] as const) {
      it(`is not said by a placeholder in ${field}, which is kept`, () => {
        for (const value of PLACEHOLDERS) {
          const { event, draft, replaced } = take(dialect, body({ [field]: value }));
          assert.not(Object.hasOwn(event, field), value);
          assert.equal((kept(event) as Record<string, unknown>)[field], value);
          // Tapcart's devices and customers are looked for in several places.
          if (dialect !== tapcart || field === 'session_id') assert.equal(replaced, [`${field} placeholder`]);
          assert.is(draft.kind, kindOf('search', field === 'session_id' ? undefined : 's-1', undefined), value);
        }
      });
    }

    it('is not said by an empty session', () => {
      const { event, draft, replaced } = take(dialect, body({ session_id: '' }));
      assert.equal([event.session_id, replaced], [undefined, []]);
      assert.not(JSON.stringify(kept(event) ?? {}).includes('session_id'));
      assert.is(draft.kind, kindOf('search', undefined, undefined));
    });
  });

  describe(`${dialect.name}, when an event happened`, ({ it }) => {
    const times: readonly (readonly [unknown, string])[] = [
      [1780315200000000, 'digits'],
      [1780315200, 'digits'],
      ['1', 'digits'],
      ['99999-01-01', 'unreadable'],
      ['product 7', 'unreadable'],
      ['yesterday', 'unreadable'],
      [true, 'unreadable'],
      [{ date: 1 }, 'unreadable'],
      [['2026-06-01'], 'unreadable'],
      ['1999-12-31T23:59:59Z', 'too_early'],
      ['2026-06-02T12:00:01Z', 'too_late'],
    ];
    for (const [timestamp, reason] of times) {
      it(`is when it was received for ${JSON.stringify(timestamp)}, which is kept`, () => {
        const { event, replaced } = take(dialect, body({ timestamp }));
        assert.equal([event.timestamp, event.timestamp_source], ['2026-06-01T12:00:00.000Z', 'received']);
        assert.equal((kept(event) as Record<string, unknown>).timestamp, timestamp);
        assert.equal(replaced, [`timestamp ${reason}`]);
      });
    }
    for (const timestamp of [
      '2026-06-01T13:59:00+02:00',
      1780315140000,
      '1780315140000',
      'Mon, 01 Jun 2026 11:59:00 GMT',
    ]) {
      it(`is said by ${JSON.stringify(timestamp)}`, () => {
        const { event, replaced } = take(dialect, body({ timestamp }));
        assert.equal([event.timestamp, event.timestamp_source], ['2026-06-01T11:59:00.000Z', 'client']);
        assert.equal(replaced, []);
      });
    }
  });
}

describe('Glood, who a client of the init says it is', ({ it }) => {
  it('is not said by placeholders', () => {
    for (const id of PLACEHOLDERS) {
      const said = readInit(JSON.stringify({ user_id: id, client_id: id, customer_id: id }), rules.limits);
      assert.equal(said, {}, id);
    }
  });
});
