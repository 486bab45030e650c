import * as assert from 'uvu/assert';
import { type Dialect, RequestRefused } from '../../../adapters/dialects/dialect.ts';
import { glood } from '../../../adapters/dialects/glood/glood.ts';
import { GloodBody } from '../../../adapters/dialects/glood/shapes.ts';
import { layers } from '../../../adapters/dialects/layers/layers.ts';
import { layersEvents } from '../../../adapters/dialects/layers/shapes.ts';
import { tapcart } from '../../../adapters/dialects/tapcart/tapcart.ts';
import type { Event } from '../../../schemas/event.ts';
import { context, rules } from '../../contracts/dialect.ts';
import { describe } from '../../support/describe.ts';

type Body = Record<string, unknown>;

/** A body of each dialect with what it must have and no more, and where its optional fields stand. */
const plain: Readonly<Record<string, { dialect: Dialect; make: () => Body; event: (body: Body) => Body }>> = {
  layers: {
    dialect: layers,
    make: () => ({
      events: [{ event_id: 'e-1', event_type: 'block_view', timestamp: '2026-06-01T11:59:00Z', session_id: 's' }],
    }),
    event: (body) => (body.events as Body[])[0]!,
  },
  glood: {
    dialect: glood,
    make: () => ({ event: { id: 'e-1', name: 'page_viewed', timestamp: '2026-06-01T11:59:00Z' }, session_id: 's' }),
    event: (body) => body,
  },
  tapcart: {
    dialect: tapcart,
    make: () => ({ event: 'pageView', mp_metadata: { mp_event_id: 'e-1' } }),
    event: (body) => body,
  },
};

/** The event that a dialect makes of its plain body with one field more; throws where it is refused. */
function eventOf(name: string, path: string, value: unknown): Event {
  const { dialect, make, event } = plain[name]!;
  const body = make();
  put(event(body), path, value);
  return viewed(dialect, JSON.stringify(body));
}

function viewed(dialect: Dialect, text: string): Event {
  const { events, refused } = dialect.read(text, rules);
  assert.equal(refused, [], JSON.stringify(refused[0]?.reasons));
  assert.is(events.length, 1);
  return dialect.view(text, [0], context('public'))[0]!;
}

function put(into: Body, path: string, value: unknown): void {
  const [first = '', ...more] = path.split('.');
  if (more.length === 0) into[first] = value;
  else {
    into[first] ??= {};
    put(into[first] as Body, more.join('.'), value);
  }
}

function at(from: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((found, key) => (found as Body | undefined)?.[key], from);
}

/** Every optional field of each contract, its own name in the model, and a value that fits. */
const optional: Readonly<Record<string, Readonly<Record<string, readonly [field: string, fits: unknown]>>>> = {
  layers: {
    event_id: ['event_id', 'e-2'],
    device_id: ['device_id', 'd'],
    customer_id: ['customer_id', 'c'],
    attribution_token: ['attribution_token', 't'],
    shopping_channel: ['shopping_channel', 'app'],
    marketing_source: ['marketing_source', 'n'],
    marketing_medium: ['marketing_medium', 'n'],
    marketing_campaign: ['marketing_campaign', 'n'],
    contextual_data: ['contextual_data', { a: 1 }],
    product_id: ['product_id', '7'],
    variant_id: ['variant_id', '8'],
    collection_handle: ['collection_handle', 'h'],
    query: ['query', 'q'],
    search_id: ['search_id', 's'],
    block_id: ['block_id', 'b'],
    position: ['position', 3],
  },
  glood: {
    'event.type': ['', 'custom'],
    'event.data': ['data', { a: 1 }],
    'event.customData': ['custom_data', { a: 1 }],
    channel: ['channel', 'web'],
    user_id: ['user_id', 'u'],
    client_id: ['device_id', 'd'],
    customer_id: ['customer_id', 'c'],
    shop_domain: ['', 'demo.myshopify.com'],
    device: ['', {}],
    'device.type': ['device_type', 'phone'],
    'device.os': ['os', 'iOS'],
    'device.os_version': ['os_version', '26'],
    'device.app_version': ['app_version', '1'],
    page_type: ['page_type', 'home'],
    page_url: ['page_url', '/'],
    cart: ['cart', { a: 1 }],
    customer: ['customer', { a: 1 }],
    customer_privacy: ['', { a: 1 }],
  },
  tapcart: {
    data: ['data', { a: 1 }],
    properties: ['contextual_data', { a: 1 }],
    'mp_metadata.mp_session_id': ['session_id', 's'],
  },
};

/** Of every type that JSON has. */
const values: readonly unknown[] = [5, 5.5, -1, true, false, 'text', ['a', 'b'], [1], [[]], { a: 1 }, [{ id: 1 }]];
const nothing: readonly unknown[] = [null, '', [], {}];

/** What an event says beyond its time: a field that the gateway fills in itself is not what the client said. */
const said = ({ event_id: _, id_source: __, ...event }: Event) => event;

describe('an optional field', ({ it }) => {
  for (const [name, fields] of Object.entries(optional)) {
    const bare = () => viewed(plain[name]!.dialect, JSON.stringify(plain[name]!.make()));
    for (const [path, [field, fits]] of Object.entries(fields)) {
      it(`of ${name} is read where it fits: ${path}`, () => {
        const event = eventOf(name, path, fits);
        if (field !== '') assert.equal(event[field as keyof Event], fits);
        if (path !== 'customer_privacy') assert.is(event.extra, undefined);
      });

      for (const value of values.filter((one) => path !== 'shop_domain' || typeof one !== 'string')) {
        it(`of ${name} never costs the event, and is kept: ${path} is ${JSON.stringify(value)}`, () => {
          const event = eventOf(name, path, value);
          const isRead = field !== '' && event[field as keyof Event] !== bare()[field as keyof Event];
          const kept = at(event.extra, path);
          // Ids and what shoppers look for are texts in the model, however they came.
          if (kept !== undefined) assert.equal(kept, value);
          else if (isRead)
            assert.equal(event[field as keyof Event], /(_id|query|collection_handle)$/.test(path) ? `${value}` : value);
          else assert.unreachable(`${path} is lost`);
        });
      }

      for (const value of nothing) {
        it(`of ${name} says nothing where ${path} is ${JSON.stringify(value)}`, () => {
          assert.equal(said(eventOf(name, path, value)), said(bare()));
        });
      }
    }
  }

  it('is each of those that the contracts name', () => {
    const ofLayers = Object.keys(layersEvents.block_view.properties);
    const missing = ofLayers.filter((key) => !['event_type', 'timestamp', 'session_id'].includes(key));
    assert.equal(Object.keys(optional.layers!).toSorted(), missing.toSorted());
    const { event, ...ofBody } = GloodBody.properties;
    const ofGlood = [...Object.keys(ofBody), ...Object.keys(event.properties).map((key) => `event.${key}`)];
    const tested = Object.keys(optional.glood!).filter((key) => !key.startsWith('device.'));
    const needed = ['event.id', 'event.name', 'session_id', 'event.timestamp'];
    assert.equal(tested.toSorted(), ofGlood.filter((key) => !needed.includes(key)).toSorted());
  });
});

describe("what a visitor's address decides", ({ it }) => {
  const long = 'x'.repeat(9_000);
  const cases: readonly (readonly [string, string, unknown])[] = [
    ['layers', 'marketing_source', ['a', 'b']],
    ['layers', 'marketing_source', { 0: 'a' }],
    ['layers', 'marketing_source', long],
    ['layers', 'marketing_medium', long],
    ['layers', 'marketing_campaign', long],
    ['layers', 'query', long],
    ['layers', 'page_url', long],
    ['glood', 'page_url', `https://shop.example/?utm_source=${long}`],
    ['glood', 'page_url', ['https://shop.example/']],
    ['glood', 'page_url', { href: 'https://shop.example/' }],
    ['glood', 'page_type', 'blog'],
    ['tapcart', 'page_url', long],
  ];
  for (const [name, path, value] of cases) {
    it(`costs no event of ${name}: ${path} is ${JSON.stringify(value).slice(0, 40)}`, () => {
      assert.equal(eventOf(name, path, value).extra, { [path]: value });
    });
  }

  it('counts as bytes of its event', () => {
    assert.throws(
      () => eventOf('glood', 'page_url', 'x'.repeat(40_000)),
      (error: unknown) => error instanceof RequestRefused && error.refusal?.code === 'too_large',
    );
  });

  it('is read at 8192 characters, and kept at one more', () => {
    assert.is(eventOf('layers', 'marketing_source', 'x'.repeat(8192)).marketing_source?.length, 8192);
    assert.is(eventOf('layers', 'marketing_source', 'x'.repeat(8193)).marketing_source, undefined);
  });
});

describe('an empty list, in languages that have one thing for lists and maps', ({ it }) => {
  for (const [name, path] of [
    ['layers', 'contextual_data'],
    ['glood', 'cart'],
    ['glood', 'customer'],
    ['glood', 'device'],
    ['glood', 'customer_privacy'],
    ['glood', 'event.data'],
    ['glood', 'event.customData'],
    ['tapcart', 'data'],
    ['tapcart', 'properties'],
  ] as const) {
    it(`is an empty object: ${path} of ${name}`, () => assert.is(eventOf(name, path, []).extra, undefined));
  }

  it('is no product where it stands for the products', () => {
    for (const data of [{ products: {} }, { cart: { lines: {} } }, { checkout: { lineItems: {} } }, { products: [] }])
      assert.is(eventOf('glood', 'event.data', data).products, undefined);
  });

  it('is no object where the event itself should be', () => {
    const text = JSON.stringify({ event: [], session_id: 's' });
    assert.throws(() => glood.read(text, rules), /event must be an object with id and name, got an array/);
  });
});

describe('a list with its places as keys, as PHP and Ruby send one that has gaps', ({ it }) => {
  const one = (id: string) => ({ ...(plain.layers!.make().events as Body[])[0], event_id: id });

  it('is a list: events of a batch, in the order of their places', () => {
    const good = JSON.stringify(one('e-2'));
    const text = `{"events":{"7":${JSON.stringify(one('e-7'))},"2":${good},"3":{"event_id":"bad", "event_type":"search"},"2":${good}}}`;
    const { events, refused } = layers.read(text, rules);
    assert.equal(
      events.map(({ index, id }) => [index, id]),
      [
        [0, 'e-2'],
        [2, 'e-7'],
      ],
    );
    assert.equal(
      refused.map(({ index, id, raw }) => [index, id, raw]),
      [[1, 'bad', '{"event_id":"bad", "event_type":"search"}']],
    );
    assert.equal(
      layers.view(text, [2, 0], context('public')).map(({ event_id }) => event_id),
      ['e-7', 'e-2'],
    );
  });

  it('is none where a key is no place, or where there is no entry', () => {
    for (const [events, code] of [
      [{ event_type: 'search' }, 'events_not_array'],
      [{ 0: one('e'), '01': one('e') }, 'events_not_array'],
      [{ 0: one('e'), length: 1 }, 'events_not_array'],
      [{}, 'events_not_array'],
    ] as const) {
      assert.throws(
        () => layers.read(JSON.stringify({ events }), rules),
        (error: unknown) => error instanceof RequestRefused && error.refusal?.code === code,
      );
    }
  });

  it('is a list of products', () => {
    const products = { 1: { productId: '7' }, 3: { productId: '8' } };
    assert.equal(eventOf('glood', 'event.data', { products }).products, [{ product_id: '7' }, { product_id: '8' }]);
  });
});
