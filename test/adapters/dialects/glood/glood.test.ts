import * as assert from 'uvu/assert';
import { type Context, RequestRefused, type Rules } from '../../../../adapters/dialects/dialect.ts';
import { glood } from '../../../../adapters/dialects/glood/glood.ts';
import { gloodNames } from '../../../../adapters/dialects/glood/shapes.ts';
import { context, draftsOf, fixturesOf, rules } from '../../../contracts/dialect.ts';
import { describe } from '../../../support/describe.ts';

const body = (event: object = {}, more: object = {}) => ({
  event: { id: 'evt-1', name: 'page_viewed', ...event },
  session_id: 's-1',
  ...more,
});
const read = (value: object, more: Partial<Rules> = {}) => glood.read(JSON.stringify(value), { ...rules, ...more });
const view = (value: object, more: Partial<Context> = {}) =>
  glood.view(JSON.stringify(value), [0], { ...context('server'), ...more })[0]!;

function refused(text: string, more: Partial<Rules> = {}): RequestRefused {
  try {
    glood.read(text, { ...rules, ...more });
  } catch (error) {
    if (error instanceof RequestRefused) return error;
    throw error;
  }
  throw new Error(`it was accepted: ${text.slice(0, 200)}`);
}

/** The exact answer, and what is kept in quarantine. */
function answers(text: string, message: string, kept: { code: string; id?: string; name?: string }): void {
  const error = refused(text);
  assert.equal(glood.refused(error), { status: 400, body: JSON.stringify({ error: 400, message }) });
  const { code, id, name } = kept;
  const { reasons, ...rest } = error.refusal!;
  assert.equal(rest, { id, name, code, raw: text });
  assert.is(reasons.join('; '), message);
}

const wanted = 'the body must be a JSON object with event and session_id, got';
const named = 'the name of an event, such as page_viewed, or one that the shop lists in customEvents';
const known = { id: 'evt-1', name: 'page_viewed' };

describe('Glood, a body that cannot be read', ({ it }) => {
  const bodies: Readonly<Record<string, readonly [string, string, string]>> = {
    'an empty one': ['', 'empty_body', 'nothing'],
    'one that is not JSON': ['{"event":', 'not_json', 'text that is not JSON'],
    null: ['null', 'not_an_object', 'null'],
    'an array': ['[]', 'not_an_object', 'an array'],
    'a text': ['"x"', 'not_an_object', '"x"'],
    '400,000 nested arrays': ['['.repeat(400_000) + ']'.repeat(400_000), 'too_deep', 'more than 1000 nested levels'],
  };
  for (const [what, [text, code, came]] of Object.entries(bodies)) {
    it(`answers 400 to ${what}`, () => answers(text, `${wanted} ${came}`, { code }));
  }
});

/** Places, values that they must not have, what is expected there and how the refusal calls the value. */
const wrong: readonly (readonly [string, unknown, string, string])[] = [
  ['event', undefined, 'an object with id and name', 'nothing'],
  ['event', null, 'an object with id and name', 'null'],
  ['event', [], 'an object with id and name', 'an array'],
  ['event.id', undefined, 'an id as text', 'nothing'],
  ['event.id', null, 'an id as text', 'null'],
  ['session_id', undefined, 'text', 'nothing'],
  ['session_id', null, 'text', 'null'],
];

function withValue(path: string, value: unknown): object {
  const [first = '', second] = path.split('.');
  if (!second) return { ...body(), [first]: value };
  const inner = first === 'event' ? body().event : {};
  return { ...body(), [first]: { ...inner, [second]: value } };
}

describe('Glood, an event that is wrong', ({ it }) => {
  for (const [path, value, expected, came] of wrong) {
    it(`is told that ${path} is ${came.slice(0, 30)}`, () => {
      const text = JSON.stringify(withValue(path, value));
      const about = path === 'event' ? {} : path === 'event.id' ? { name: 'page_viewed' } : known;
      const id = path === 'event.id' && typeof value === 'string' && value !== '' ? { id: value.slice(0, 200) } : {};
      answers(text, `${path} must be ${expected}, got ${came}`, { code: 'invalid', ...about, ...id });
    });
  }

  it('of an unknown name is told the one that was probably meant', () => {
    for (const [name, meant] of [
      ['toString', ''],
      ['__proto__', ''],
      ['Page_Viewed', '; did you mean page_viewed?'],
      ['product_view', '; did you mean product_viewed?'],
      ['glood:section:clicked', '; did you mean glood:section:click?'],
    ] as const) {
      const message = `event.name must be ${named}, got "${name}"${meant}`;
      answers(JSON.stringify(body({ name })), message, { code: 'unknown_type', id: 'evt-1', name });
    }
  });

  it('without a name is told so', () => {
    answers(JSON.stringify(body({ name: undefined })), `event.name must be ${named}, got nothing`, {
      code: 'invalid',
      id: 'evt-1',
    });
  });

  it('is told everything that is wrong with it at once', () => {
    answers(
      '{"event":{}}',
      [
        'event.id must be an id as text, got nothing',
        `event.name must be ${named}, got nothing`,
        'session_id must be text, got nothing',
      ].join('; '),
      { code: 'invalid' },
    );
  });

  it('may be wrong only within the limits', () => {
    const deep = (levels: number) =>
      `{"event":{"id":"evt-1","name":"page_viewed","data":{"a":${'['.repeat(levels - 3)}${']'.repeat(levels - 3)}}},"session_id":"s"}`;
    assert.is(glood.read(deep(32), rules).events.length, 1);
    const path = `event.data.a${'[0]'.repeat(29)}`;
    answers(deep(33), `${path} must have at most 32 nested levels, got more`, { code: 'too_deep', ...known });

    const wide = JSON.stringify(
      body({ data: Object.fromEntries(Array.from({ length: 5000 }, (_, at) => [`k${at}`, 1])) }),
    );
    answers(wide, 'event.data must have at most 256 keys in one event, got more', { code: 'too_many_keys', ...known });

    const long = JSON.stringify(body({}, { user_id: 'x'.repeat(8193) }));
    answers(long, 'user_id must have at most 8192 characters, got 8193', { code: 'too_large', ...known });

    const large = JSON.stringify(body({ data: { notes: Array(5).fill('x'.repeat(8000)) } }));
    answers(large, `the body must have at most 32768 bytes, got ${large.length}`, { code: 'too_large', ...known });
  });

  it('loses keys that reach for the prototype, however they are spelt, and nothing else', () => {
    for (const key of ['__proto__', '\\u005f_proto__']) {
      const reach = `"${key}":{"x":1}`;
      const text = `{${reach},"event":{${reach},"id":"evt-1","name":"page_viewed","customData":{${reach},"kept":[{${reach}}]}},"session_id":"s"}`;
      assert.is(glood.read(text, rules).events.length, 1);
      const [event] = glood.view(text, [0], context('public'));
      assert.equal(event?.custom_data, { kept: [{}] });
      assert.is(event?.extra, undefined);
    }
  });
});

describe('Glood, whose event it is', ({ it }) => {
  it("takes the shop's domain or alias, as domain or URL, in any case", () => {
    for (const shop of [
      'demo.myshopify.com',
      'https://Demo.MyShopify.com/admin',
      'SHOP.example.com:443',
      'demo.myshopify.com.',
    ]) {
      assert.is(read(body({}, { shop_domain: shop }), { shopNamed: false }).events.length, 1, shop);
    }
  });

  it('answers 403 where the body names another shop, without a detail and without keeping it', () => {
    for (const shop of [
      'other.myshopify.com',
      'demo.myshopify.com.evil.example',
      'https://',
      'no domain',
      'x@demo.myshopify.co',
    ]) {
      const error = refused(JSON.stringify(body({ name: 'nonsense' }, { shop_domain: shop })));
      const message = 'shop_domain must name the shop that the token belongs to: correct it or leave it out';
      assert.equal(glood.refused(error), { status: 403, body: JSON.stringify({ error: 403, message }) });
      assert.is(error.refusal, undefined);
    }
  });

  it('answers 400 where neither header nor body names the shop', () => {
    for (const shop_domain of [undefined, null, '']) {
      const text = JSON.stringify(body({}, { shop_domain }));
      const error = refused(text, { shopNamed: false });
      assert.is(error.status, 400);
      assert.is(error.message, 'the shop must be named: send the x-shop header, or shop_domain in the body');
      assert.is(error.refusal?.code, 'shop_missing');
      assert.is(glood.read(text, rules).events.length, 1);
    }
  });
});

describe('Glood, what it makes of an event', ({ it }) => {
  it('takes the time of receipt where none was sent', () => {
    for (const timestamp of [undefined, null, '']) {
      assert.is(view(body({ timestamp })).timestamp, '2026-06-01T12:00:00.000Z');
    }
    assert.is(view(body({ timestamp: '2026-04-17T10:30:00+02:00' })).timestamp, '2026-04-17T08:30:00.000Z');
  });

  it('counts null and empty optional fields as left out', () => {
    const fields = [
      'channel',
      'user_id',
      'client_id',
      'customer_id',
      'shop_domain',
      'device',
      'page_type',
      'page_url',
      'cart',
      'customer',
      'customer_privacy',
    ];
    for (const nothing of [null, '']) {
      const blank = body(
        { type: nothing, timestamp: nothing, data: nothing, customData: nothing },
        Object.fromEntries(fields.map((field) => [field, nothing])),
      );
      assert.equal(read(blank).refused, []);
      assert.equal(view(blank), view(body()));
    }
  });

  it('reads consent in the spellings of Shopify and Hydrogen, and believes the denial where they differ', () => {
    const consent = (customer_privacy: object) => view(body({}, { customer_privacy })).consent;
    const all = { analytics: true, marketing: false, preferences: true, sale_of_data: false };
    assert.equal(
      consent({
        analyticsProcessingAllowed: true,
        marketingAllowed: false,
        preferencesProcessingAllowed: true,
        saleOfDataAllowed: false,
      }),
      all,
    );
    assert.equal(
      consent({ analyticsAllowed: true, marketingAllowed: false, preferencesAllowed: true, saleOfDataAllowed: false }),
      all,
    );
    assert.equal(consent({ analytics: 'yes', marketing: 'no', preferences: 'yes', sale_of_data: 'no' }), all);
    assert.equal(consent({ analyticsAllowed: true, analyticsProcessingAllowed: false, marketing: '' }), {
      analytics: false,
    });
    assert.is(consent({}), undefined);
    assert.is(consent({ analyticsAllowed: null, marketing: '' }), undefined);
    assert.equal(consent({ saleOfData: 0, marketing: 1, analytics: 'TRUE' }), {
      analytics: true,
      marketing: true,
      sale_of_data: false,
    });
  });

  it('takes what it does not understand of consent for a denial, and keeps it', () => {
    const told = view(body({}, { customer_privacy: { marketing: { maybe: true }, analytics: 'yes', gdpr: 1 } }));
    const { consent, consent_unclear, extra } = told;
    assert.equal(
      { consent, consent_unclear, extra },
      {
        consent: { analytics: true, marketing: false },
        consent_unclear: { marketing: '{"maybe":true}' },
        extra: { customer_privacy: { marketing: { maybe: true }, gdpr: 1 } },
      },
    );
  });

  it('believes the client about its device, and the gateway about the rest', () => {
    const found = {
      agent: { device: 'desktop', browser: 'Chrome', os: 'Windows', bot: false },
      geo: { country: 'FR' },
      channel: 'app' as const,
    };
    const told = view(body({}, { device: { type: 'phone', os: null, os_version: '19.1' } }), found);
    const { device_type, os, os_version, browser, geo_country, is_bot, shopping_channel } = told;
    assert.equal(
      { device_type, os, os_version, browser, geo_country, is_bot, shopping_channel },
      {
        device_type: 'phone',
        os: 'Windows',
        os_version: '19.1',
        browser: 'Chrome',
        geo_country: 'FR',
        is_bot: false,
        shopping_channel: 'app',
      },
    );
  });

  it('knows an app by its channel, and otherwise asks the request', () => {
    assert.is(view(body({}, { channel: 'mobile' })).shopping_channel, 'app');
    for (const channel of ['web', 'headless', 'hydrogen', undefined]) {
      assert.is(view(body({}, { channel })).shopping_channel, 'web');
      assert.is(view(body({}, { channel }), { channel: 'app' }).shopping_channel, 'app');
    }
  });

  it('finds the campaign in any kind of address', () => {
    const source = (page_url: string) => view(body({}, { page_url })).marketing_source;
    assert.is(source('https://x.example/?a=1&utm_source=n%20l#utm_source=x'), 'n l');
    assert.is(source('/products/x?utm_source=n'), 'n');
    assert.is(source('?utm_source=%zz'), '%zz');
    assert.is(source('https://x.example/#?utm_source=x'), 'x');
    assert.is(source('https://x.example/?utm_source='), undefined);
  });

  it('reads a payload wrapped in track, bare, or put into data', () => {
    const track = { section: '1', products: [{ productId: '7', variantId: '8', quantity: 2 }], sectionServeId: 'sv' };
    const made = [
      { customData: { track } },
      { customData: track },
      { data: track },
      { data: {}, customData: { track } },
    ].map((event) => {
      const { product_id, variant_id, quantity, block_id, block_type, serve_id } = view(
        body({ name: 'glood:section:click', ...event }),
      );
      return { product_id, variant_id, quantity, block_id, block_type, serve_id };
    });
    const all = { product_id: '7', variant_id: '8', quantity: 2, block_id: '1', block_type: 'section', serve_id: 'sv' };
    assert.equal(made, [all, all, all, all]);
  });

  it('gives a chosen product as its own only where there is one', () => {
    const products = [{ productId: '7' }, { productId: '8' }];
    const own = (name: string, count: number) =>
      view(body({ name, customData: { products: products.slice(0, count) } })).product_id;
    assert.is(own('glood:bundle:add_to_cart', 1), '7');
    assert.is(own('glood:bundle:add_to_cart', 2), undefined);
    assert.is(own('glood:bundle:render', 1), undefined);
  });

  it("finds a block's id as text, number or object, under the names of its kind", () => {
    const block = (name: string, customData: object) => view(body({ name, customData })).block_id;
    assert.is(block('glood:section:view', { section: 219670 }), '219670');
    assert.is(block('glood:section:view', { section: { id: '5' } }), '5');
    assert.is(block('glood:bundle:view', { bundle_id: 'b-1', section: '2' }), 'b-1');
    assert.is(block('glood:bundle:view', { section: '2' }), '2');
    assert.is(block('glood:checkout:offer_accept', { offerId: 'gid://shopify/Offer/9' }), '9');
    assert.is(block('glood:checkout:render', { offer: null }), undefined);
  });

  it("takes a shop's own names, which mean themselves", () => {
    const own = body({
      name: 'wishlist_add',
      data: { productVariant: { id: 'gid://shopify/ProductVariant/8', product: { id: '7' } } },
      customData: { list: 'summer' },
    });
    assert.equal(draftsOf(read(own)), [{ index: 0, id: 'evt-1' }]);
    const { event_type, name, product_id, variant_id, custom_data } = view(own);
    assert.equal(
      { event_type, name, product_id, variant_id, custom_data },
      {
        event_type: 'wishlist_add',
        name: 'wishlist_add',
        product_id: '7',
        variant_id: '8',
        custom_data: { list: 'summer' },
      },
    );
    assert.is(refused(JSON.stringify(own), { customEvents: new Set() }).refusal?.code, 'unknown_type');
  });

  it('mends half surrogate pairs, the same when it reads and when it views', () => {
    const text = '{"event":{"id":"a\\ud800","name":"page_viewed"},"session_id":"\\udc00s"}';
    const { event_id, session_id, extra } = glood.view(text, [0], context('server'))[0]!;
    assert.equal(
      glood.read(text, rules).events.map(({ id }) => id),
      [event_id],
    );
    assert.equal({ session_id, extra }, { session_id: '\ufffds', extra: { event: { id: 'a\ufffd' } } });
  });
});

describe('Glood, around the body', ({ it }) => {
  it('finds the bearer token and the shop in the headers', () => {
    const credentials = (headers: Record<string, string>) => glood.credentials({ headers, query: () => 'never' });
    assert.equal(credentials({ authorization: 'Bearer t', 'x-shop': ' https://Demo.myshopify.com ' }), {
      token: 't',
      shop: 'demo.myshopify.com',
    });
    assert.equal(credentials({ authorization: 'bearer   t ' }), { token: 't', shop: undefined });
    for (const authorization of ['Basic dDp0', 'Bearer', 'Bearer a b', '', 't']) {
      assert.is(credentials({ authorization }).token, undefined, authorization);
    }
    assert.is(credentials({ 'x-shop': ' ' }).shop, undefined);
    assert.is(credentials({ 'x-shop': 'no domain' }).shop, 'no domain');
  });

  it('answers as the contract says', () => {
    assert.equal(glood.accepted({ accepted: 1, duplicate: 0, rejected: 0 }, 204), { status: 200, body: '{"ok":true}' });
    assert.equal(glood.refused(new RequestRefused(401, 'no token')), {
      status: 401,
      body: '{"error":401,"message":"no token"}',
    });
    assert.equal(glood.contentTypes, ['application/json', '']);
    assert.is(glood.path, '/api/storefront/v3/headless/events');
  });

  it('has an example of each of its 28 names', () => {
    assert.is(gloodNames.length, 28);
    const seen = new Set(fixturesOf('glood').flatMap(({ events }) => events.map(({ name }) => name)));
    assert.equal([...seen].toSorted(), gloodNames.toSorted());
  });
});
