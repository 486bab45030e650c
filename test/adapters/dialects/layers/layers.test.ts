import * as assert from 'uvu/assert';
import { type Context, type Refusal, RequestRefused } from '../../../../adapters/dialects/dialect.ts';
import { layers } from '../../../../adapters/dialects/layers/layers.ts';
import { layersEvents } from '../../../../adapters/dialects/layers/shapes.ts';
import { context, draftsOf, fixturesOf, rules } from '../../../contracts/dialect.ts';
import { describe } from '../../../support/describe.ts';

const event = (more: object = {}) => ({
  event_id: 'e-1',
  event_type: 'product_click',
  timestamp: '2026-06-01T11:59:00Z',
  session_id: 's-1',
  product_id: 7003338965178,
  position: 3,
  ...more,
});
const bodyOf = (...events: unknown[]): string => JSON.stringify({ events });
const read = (body: string) => layers.read(body, rules);
const view = (body: string, more: Partial<Context> = {}) =>
  layers.view(body, [0], { ...context('public'), ...more })[0]!;

const refusalOf = (entry: unknown): Refusal => {
  const { events, refused } = read(bodyOf(entry));
  assert.equal(events, []);
  return refused[0]!;
};
const reasonsOf = (entry: unknown) => refusalOf(entry).reasons;

const wanted = 'the body must be a JSON object with events, an array of 1 to 100 entries, got';
const nested = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);

const wholeBodies: Readonly<Record<string, { body: string; code: string; message: string }>> = {
  'that is empty': { body: '', code: 'empty_body', message: `${wanted} nothing` },
  'of spaces': { body: ' \r\n\t', code: 'empty_body', message: `${wanted} nothing` },
  'that is not JSON': { body: '{"events":[', code: 'not_json', message: `${wanted} text that is not JSON` },
  'that is a form': { body: 'events=1&x=2', code: 'not_json', message: `${wanted} text that is not JSON` },
  'that is null': { body: 'null', code: 'not_an_object', message: `${wanted} null` },
  'that is an array': { body: '[{"events":[]}]', code: 'not_an_object', message: `${wanted} an array` },
  'that is text': { body: '"hello"', code: 'not_an_object', message: `${wanted} "hello"` },
  'without events': {
    body: '{"event":{}}',
    code: 'events_missing',
    message: 'events must be an array of 1 to 100 entries, got nothing',
  },
  'with one event instead of an array': {
    body: '{"events":{"event_type":"search"}}',
    code: 'events_not_array',
    message: 'events must be an array of 1 to 100 entries, got an object',
  },
  'with events null': {
    body: '{"events":null}',
    code: 'events_not_array',
    message: 'events must be an array of 1 to 100 entries, got null',
  },
  'with no event': { body: '{"events":[]}', code: 'events_empty', message: 'events must have 1 to 100 entries, got 0' },
  'with 101 events': {
    body: bodyOf(...Array(101).fill(event())),
    code: 'events_too_many',
    message: 'events must have 1 to 100 entries, got 101',
  },
  'of 100,000 nested arrays': {
    body: nested(100_000),
    code: 'too_deep',
    message: `${wanted} more than 1000 nested levels`,
  },
  'of 400,000 nested arrays in an event': {
    body: `{"events":[${nested(400_000)}]}`,
    code: 'too_deep',
    message: `${wanted} more than 1000 nested levels`,
  },
};

describe('Layers, a body that is wrong as a whole', ({ it }) => {
  for (const [what, { body, code, message }] of Object.entries(wholeBodies)) {
    it(`answers 422 to one ${what}, and keeps it`, () => {
      try {
        read(body);
        assert.unreachable('it was accepted');
      } catch (error) {
        assert.instance(error, RequestRefused);
        const { status, refusal } = error as RequestRefused;
        assert.is(status, 422);
        assert.equal(refusal, { code, reasons: [message], raw: body });
        assert.equal(layers.refused(error as RequestRefused), {
          status: 422,
          body: JSON.stringify({ errors: [message] }),
        });
      }
    });
  }
});

/** Values that each field must not have, and how the refusal calls them. */
const wrong: Readonly<Record<string, readonly [unknown, string][]>> = {
  timestamp: [
    [undefined, 'nothing'],
    ['', '""'],
    [null, 'null'],
  ],
  session_id: [
    [undefined, 'nothing'],
    [null, 'null'],
  ],
  product_id: [
    [undefined, 'nothing'],
    ['', '""'],
    [null, 'null'],
    ['12a', '"12a"'],
    ['gid://shop/Product/1', '"gid://shop/Product/1"'],
    [1.5, '1.5'],
    [1e300, '1e+300'],
  ],
  position: [
    [undefined, 'nothing'],
    [0, '0'],
    [1.5, '1.5'],
    ['x', '"x"'],
    [null, 'null'],
  ],
};

const expected: Readonly<Record<string, string>> = {
  timestamp: 'a date such as 2026-06-01T12:00:00Z',
  product_id: 'a Shopify id (a whole number, digits as text or gid://shopify/…)',
  position: 'a whole number from 1',
  session_id: 'text',
};

const requires: Readonly<Record<string, readonly string[]>> = {
  product_view: ['product_id'],
  product_click: ['product_id', 'position'],
  product_impression: ['product_id', 'position'],
  product_hover: ['product_id', 'position'],
  product_touch: ['product_id', 'position'],
  add_to_cart: ['product_id'],
  collection_view: ['collection_handle'],
  search: ['query'],
  autocomplete: ['query'],
  block_view: [],
};
const complete = { product_id: 1, position: 1, collection_handle: 'summer', query: 'linen' };

describe('Layers, an event that is wrong', ({ it }) => {
  for (const [field, values] of Object.entries(wrong)) {
    for (const [value, came] of values) {
      it(`is told that ${field} is ${came.slice(0, 30)}`, () => {
        const words = expected[field] ?? 'text that is not empty';
        const { code, reasons } = refusalOf(event({ [field]: value }));
        assert.is(code, 'invalid');
        assert.equal(reasons, [`events[0].${field}: expected ${words}, got ${came}`]);
      });
    }
  }

  it('is told everything that is wrong with it at once', () => {
    const entry = {
      event_type: 'product_click',
      product_id: 'x',
      position: 'x',
    };
    assert.equal(
      reasonsOf(entry).map((reason) => reason.split(':')[0]),
      ['timestamp', 'session_id', 'product_id', 'position'].map((field) => `events[0].${field}`),
    );
  });

  for (const [type, fields] of Object.entries(requires)) {
    it(`of type ${type} misses only ${fields.join(' and ') || 'nothing'}`, () => {
      const { product_id, position, ...bare } = event({ event_type: type });
      assert.equal(read(bodyOf({ ...bare, ...complete })).refused, []);
      const missing = read(bodyOf(bare)).refused[0]?.reasons ?? [];
      assert.equal(
        missing
          .map((reason) => /^events\[0\]\.(\w+): expected .*, got nothing$/.exec(reason)?.[1] ?? reason)
          .toSorted(),
        fields.toSorted(),
      );
      for (const field of fields) {
        const { reasons } = refusalOf({ ...bare, ...complete, [field]: true });
        assert.is(reasons.length, 1);
        assert.match(reasons[0]!, new RegExp(`^events\\[0\\]\\.${field}: expected .*, got true$`));
      }
    });
  }

  it('covers the ten types of the contract', () => {
    assert.equal(Object.keys(layersEvents).toSorted(), Object.keys(requires).toSorted());
  });

  const named = 'expected the name of an event, such as product_view, or one that the shop lists in customEvents';
  it('of an unknown type is told the one that was probably meant', () => {
    for (const [type, meant] of [
      ['purchase', ''],
      ['toString', ''],
      ['__proto__', ''],
      ['PRODUCT_VIEW', '; did you mean product_view?'],
      ['product_veiw', '; did you mean product_view?'],
      ['addToCart', '; did you mean add_to_cart?'],
      ['x'.repeat(8000), ''],
    ] as const) {
      const { code, name, reasons } = refusalOf(event({ event_type: type }));
      assert.is(code, 'unknown_type');
      assert.is(name, type.slice(0, 200));
      const came = type.length > 40 ? `${type.slice(0, 40)}…` : type;
      assert.equal(reasons, [`events[0].event_type: ${named}, got "${came}"${meant}`]);
    }
  });

  it('without a type is told so', () => {
    for (const [type, came] of [
      [undefined, 'nothing'],
      [null, 'null'],
      [3, '3'],
    ] as const) {
      const { code, reasons } = refusalOf(event({ event_type: type }));
      assert.is(code, 'invalid');
      assert.equal(reasons, [`events[0].event_type: ${named}, got ${came}`]);
    }
  });

  it('that is no object is told so', () => {
    for (const [entry, came] of [
      [null, 'null'],
      [[], 'an array'],
      ['x', '"x"'],
      [7, '7'],
    ] as const) {
      assert.equal(reasonsOf(entry), [`events[0]: expected an object, got ${came}`]);
    }
  });
});

describe('Layers, an event that is too much', ({ it }) => {
  const inData = (levels: number) => event({ contextual_data: JSON.parse(`{"a":${nested(levels - 2)}}`) });

  it('may nest 32 levels and no more', () => {
    assert.is(read(bodyOf(inData(32))).events.length, 1);
    const { code, reasons } = refusalOf(inData(33));
    assert.is(code, 'too_deep');
    assert.equal(reasons, [
      `events[0].contextual_data.a${'[0]'.repeat(30)}: expected at most 32 nested levels, got more`,
    ]);
  });

  it('of 50,000 nested objects is refused as it came, its neighbours are not', () => {
    const deep = `{"a":${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}}`;
    const { events, refused } = read(`{"events":[${deep},${JSON.stringify(event())}]}`);
    assert.equal(draftsOf({ events, refused: [] }), [{ index: 1, id: 'e-1' }]);
    assert.is(refused[0]?.code, 'too_deep');
    assert.is(refused[0]?.raw, deep);
  });

  it('may have 256 keys and no more, nested ones included', () => {
    const withKeys = (count: number) => {
      const bare = event({ contextual_data: {} });
      const entries = Array.from({ length: count - Object.keys(bare).length }, (_, at) => [`k${at}`, at]);
      return { ...bare, contextual_data: Object.fromEntries(entries) };
    };
    assert.is(read(bodyOf(withKeys(256))).events.length, 1);
    for (const count of [257, 5000]) {
      const { code, reasons } = refusalOf(withKeys(count));
      assert.is(code, 'too_many_keys');
      assert.equal(reasons, ['events[0].contextual_data: expected at most 256 keys in one event, got more']);
    }
  });

  it('may have texts of 8192 characters and no longer', () => {
    assert.is(read(bodyOf(event({ note: 'x'.repeat(8192) }))).events.length, 1);
    const { code, reasons } = refusalOf(event({ notes: [{ note: 'x'.repeat(8193) }] }));
    assert.is(code, 'too_large');
    assert.equal(reasons, ['events[0].notes[0].note: expected at most 8192 characters, got 8193']);
  });

  it('may have 32,768 bytes and no more, whatever the size of the body', () => {
    const texts = (count: number) => event({ notes: Array(count).fill('é'.repeat(2000)) });
    const { events, refused } = read(bodyOf(texts(8), texts(9), texts(8)));
    assert.equal(
      events.map(({ index }) => index),
      [0, 2],
    );
    const bytes = Buffer.byteLength(JSON.stringify(texts(9)));
    assert.equal(refused[0]?.reasons, [`events[1]: expected at most 32768 bytes, got ${bytes}`]);
    assert.is(refused[0]?.code, 'too_large');
  });

  it('loses keys that reach for the prototype, however they are spelt, and nothing else', () => {
    for (const key of ['__proto__', '\\u005f_proto__', '__prot\\u006f__']) {
      const reach = `"${key}":{"polluted":true}`;
      const entry = JSON.stringify(event({ contextual_data: { deep: ['reach'] } })).replace(
        '"reach"',
        `{${reach},"a":1}`,
      );
      const text = `{${reach},"events":[${entry.replace('{', `{${reach},`)}]}`;
      assert.is(read(text).events.length, 1);
      assert.equal(view(text)?.contextual_data, { deep: [{ a: 1 }] });
      assert.equal(layers.sent(text, [0], 2), [event({ contextual_data: { deep: [{ a: 1 }] } })]);
    }
    assert.is(({} as { polluted?: boolean }).polluted, undefined);
  });
});

describe('Layers, what it takes', ({ it }) => {
  it('stores the valid events of a batch and refuses the others, each by its place and as it came', () => {
    const bad =
      '{"event_id":"e-2", "event_type":"search",  "timestamp":"2026-06-01T11:59:00Z","session_id":"s","product_id":90071992547409931}';
    const { events, refused } = read(
      `{"events":[${JSON.stringify(event())},${bad},${JSON.stringify(event({ event_id: 'e-3' }))}]}`,
    );
    assert.equal(draftsOf({ events, refused: [] }), [
      { index: 0, id: 'e-1' },
      { index: 2, id: 'e-3' },
    ]);
    assert.is(refused.length, 1);
    const { index, id, name, code, raw } = refused[0]!;
    assert.equal({ index, id, name, code, raw }, { index: 1, id: 'e-2', name: 'search', code: 'invalid', raw: bad });
  });

  it('counts null and empty optional fields as left out', () => {
    const optional = Object.keys(layersEvents.block_view.properties).filter(
      (field) => !['event_type', 'timestamp', 'session_id'].includes(field),
    );
    for (const nothing of [null, '']) {
      const blank = Object.fromEntries(optional.map((field) => [field, nothing]));
      const body = bodyOf({ event_type: 'block_view', timestamp: '2026-06-01T11:59:00Z', session_id: 's', ...blank });
      assert.equal(read(body).refused, []);
      const seen = view(body);
      assert.is(seen.id_source, 'derived');
      assert.is(seen.extra, undefined);
      assert.equal(Object.keys(seen).toSorted(), [
        'dialect',
        'event_id',
        'event_type',
        'id_source',
        'name',
        'received_at',
        'session_id',
        'shop',
        'shopping_channel',
        'timestamp',
        'timestamp_source',
        'trust',
      ]);
    }
  });

  it('takes times as text, with any zone, and as milliseconds; gives UTC', () => {
    const times: [unknown, string][] = [
      ['2026-06-01T14:30:00+02:00', '2026-06-01T12:30:00.000Z'],
      ['Mon, 01 Jun 2026 12:30:00 GMT', '2026-06-01T12:30:00.000Z'],
      ['2026-06-01', '2026-06-01T00:00:00.000Z'],
      [1780317000000, '2026-06-01T12:30:00.000Z'],
      ['2026-02-31T23:59:59.999Z', '2026-03-03T23:59:59.999Z'],
    ];
    for (const [timestamp, utc] of times) assert.is(view(bodyOf(event({ timestamp }))).timestamp, utc);
  });

  it('can parse every date that it takes without parsing', () => {
    for (let month = 1; month <= 12; month += 1) {
      for (let day = 1; day <= 31; day += 1) {
        const timestamp = `2025-${String(month).padStart(2, '0')}-${String(day).padStart(2, '0')}T23:59:59.9Z`;
        assert.ok(!Number.isNaN(Date.parse(timestamp)), timestamp);
      }
    }
  });

  it('keeps ids as digits, beyond 2^53 too', () => {
    for (const [id, digits] of [
      [7003338965178, '7003338965178'],
      ['90071992547409931234', '90071992547409931234'],
      ['gid://shopify/Product/90071992547409931?x=1', '90071992547409931'],
    ]) {
      assert.is(view(bodyOf(event({ product_id: id }))).product_id, digits);
    }
  });

  it("takes a shop's own types on the common fields alone, and keeps what does not fit the model", () => {
    const own = { event_id: 'w-1', event_type: 'wishlist_add', timestamp: '2026-06-01T11:59:00Z', session_id: 's' };
    const body = bodyOf({ ...own, product_id: 'SKU-9', variant_id: '5', position: { row: 1 }, list: 'summer' });
    assert.equal(draftsOf(read(body)), [{ index: 0, id: 'w-1' }]);
    const { event_type, name, product_id, variant_id, extra } = view(body);
    assert.equal(
      { event_type, name, product_id, variant_id, extra },
      {
        event_type: 'wishlist_add',
        name: 'wishlist_add',
        product_id: undefined,
        variant_id: '5',
        extra: { product_id: 'SKU-9', position: { row: 1 }, list: 'summer' },
      },
    );
    assert.equal(reasonsOf({ ...own, session_id: undefined }), ['events[0].session_id: expected text, got nothing']);
    assert.is(layers.read(body, { ...rules, customEvents: new Set() }).refused[0]?.code, 'unknown_type');
  });

  it('puts what the gateway found out in the place of what the client says', () => {
    const body = bodyOf(
      event({
        geo_country: 'XX',
        geo_state: 'XX',
        geo_city: 'x',
        device_type: 'x',
        browser: 'x',
        os: 'x',
        trust: 'server',
        shop: 'other.myshopify.com',
      }),
    );
    const plain = view(body);
    for (const field of ['geo_country', 'geo_state', 'geo_city', 'device_type', 'browser', 'os'] as const)
      assert.is(plain[field], undefined);
    assert.is(plain.trust, 'public');
    assert.is(plain.shop, 'demo.myshopify.com');
    assert.equal(plain.extra, { trust: 'server', shop: 'other.myshopify.com' });

    const sent = view(body, { trust: 'server' });
    assert.equal([sent.geo_country, sent.geo_state, sent.geo_city, sent.device_type], ['XX', 'XX', 'x', undefined]);

    const found = {
      geo: { country: 'FR', state: 'ARA', city: 'lyon' },
      agent: { device: 'mobile', browser: 'Chrome', os: 'Android', bot: false },
      channel: 'app' as const,
    };
    const { geo_country, geo_state, geo_city, device_type, browser, os, is_bot, shopping_channel } = view(body, found);
    assert.equal(
      { geo_country, geo_state, geo_city, device_type, browser, os, is_bot, shopping_channel },
      {
        geo_country: 'FR',
        geo_state: 'ARA',
        geo_city: 'lyon',
        device_type: 'mobile',
        browser: 'Chrome',
        os: 'Android',
        is_bot: false,
        shopping_channel: 'app',
      },
    );
    assert.is(view(bodyOf(event({ shopping_channel: 'web' })), found).shopping_channel, 'web');
  });

  it('mends half surrogate pairs, the same when it reads and when it views', () => {
    const body =
      '{"events":[{"event_id":"a\\ud800b","event_type":"search","timestamp":"2026-06-01T11:59:00Z","session_id":"\\\\ud800 \\ud83d\\ude00 \\uDC00","query":"\\udfff","\\ud800":1}]}';
    const { event_id, session_id, query, extra } = view(body);
    assert.equal(
      read(body).events.map(({ id }) => id),
      [event_id],
    );
    assert.equal(
      { session_id, query, extra },
      { session_id: '\\ud800 😀 \ufffd', query: '\ufffd', extra: { event_id: 'a\ufffdb', '\ufffd': 1 } },
    );
  });

  it('takes no two events for one since their ids could not be read', () => {
    const idOf = (half: string, product: number) =>
      read(bodyOf(event({ product_id: product })).replace(/"event_id":"[^"]*"/, `"event_id":"${half}a"`)).events[0];
    const [one, same, other] = [idOf('\\ud800', 7), idOf('\\ud801', 7), idOf('\\ud801', 8)];
    assert.match(one?.id ?? '', /^[0-9a-f]{32}$/);
    assert.is(one?.id, same?.id);
    assert.is.not(one?.id, other?.id);
    assert.is(one?.derived, 2);
  });

  it('derives the same id from the same content, whatever else the request says, and another from other content', () => {
    const { event_id: _, ...bare } = event();
    const idOf = (entry: object) => read(bodyOf(entry)).events[0]?.id;
    assert.match(idOf(bare) ?? '', /^[0-9a-f]{32}$/);
    assert.is(idOf(bare), idOf(Object.fromEntries(Object.entries(bare).toReversed())));
    assert.is(view(bodyOf(bare), { receivedAt: 0, channel: 'app' }).event_id, idOf(bare));
    const others = [
      { session_id: 's-2' },
      { position: 4 },
      { product_id: '7003338965178' },
      { note: '' },
      { contextual_data: { a: 1 } },
      { contextual_data: { a: '1' } },
    ];
    assert.is(new Set([bare, ...others.map((more) => ({ ...bare, ...more }))].map(idOf)).size, others.length + 1);
  });
});

describe('Layers, around the body', ({ it }) => {
  const token = (headers: Record<string, string | string[]>, query?: string) =>
    layers.credentials({ headers, query: (name) => (name === 'token' ? query : undefined) }).token;

  it('finds the token in the header first, then in the query; a blank one says nothing', () => {
    assert.is(token({ 'x-storefront-access-token': ' h ' }, 'q'), 'h');
    assert.is(token({ 'x-storefront-access-token': ['h', 'i'] }, 'q'), 'h');
    assert.is(token({ 'x-storefront-access-token': '  ' }, ' q '), 'q');
    assert.is(token({}, 'q'), 'q');
    assert.is(token({}, ''), undefined);
    assert.is(token({}), undefined);
  });

  it('answers as the contract says', () => {
    const result = { accepted: 1, duplicate: 0, rejected: 0 };
    assert.equal(layers.accepted(result), { status: 201, body: 'null' });
    assert.equal(layers.accepted(result, 201), { status: 201, body: 'null' });
    assert.equal(layers.accepted(result, 204), { status: 204 });
    assert.equal(layers.refused(new RequestRefused(401, 'x')), { status: 401, body: '{"error":"Unauthenticated"}' });
    assert.equal(layers.refused(new RequestRefused(503, 'try later')), {
      status: 503,
      body: '{"errors":["try later"]}',
    });
    assert.equal(layers.contentTypes, ['application/json', 'text/plain', '']);
    assert.is(layers.path, '/beacon');
  });

  it('has an example of each of its types', () => {
    const types = new Set(fixturesOf('layers').flatMap(({ events }) => events.map(({ name }) => name)));
    assert.equal([...types].toSorted(), Object.keys(layersEvents).toSorted());
  });
});
