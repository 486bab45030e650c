import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { Compile } from 'typebox/compile';
import * as assert from 'uvu/assert';
import {
  type Context,
  type Dialect,
  type Reading,
  RequestRefused,
  type Rules,
} from '../../adapters/dialects/dialect.ts';
import { keptHeaders } from '../../adapters/dialects/headers.ts';
import { Event } from '../../schemas/event.ts';

/** A request and the events it stands for: a test, documentation, and an example in the OpenAPI description at once. */
export interface Fixture {
  readonly file: string;
  readonly description: string;
  readonly request: { readonly headers: Readonly<Record<string, string>>; readonly body: object };
  readonly events: readonly Event[];
}

export const fixturesOf = (dialect: string): Fixture[] => {
  const folder = join('test/fixtures', dialect);
  return readdirSync(folder).map((file) => ({ file, ...JSON.parse(readFileSync(join(folder, file), 'utf8')) }));
};

export const rules: Rules = {
  shop: 'demo.myshopify.com',
  names: (domain) => domain === 'demo.myshopify.com' || domain === 'shop.example.com',
  shopNamed: true,
  customEvents: new Set(['wishlist_add']),
  limits: { depth: 32, keys: 256, text: 8192, eventBytes: 32_768 },
  receivedAt: Date.parse('2026-06-01T12:00:00Z'),
};

export const context = (trust: Context['trust']): Context => ({
  shop: 'demo.myshopify.com',
  receivedAt: Date.parse('2026-06-01T12:00:00Z'),
  trust,
  channel: 'web',
});

/** What a dialect's contract is checked with. */
export interface Given {
  readonly dialect: Dialect;
  readonly context: Context;
  readonly fixtures: readonly Fixture[];
}

/** The context of a fixture's request: its headers may say something of its events. */
export function contextOf({ dialect, context }: Given, { request }: Fixture): Context {
  const headers = keptHeaders(dialect, { headers: request.headers, query: () => undefined });
  return headers ? { ...context, headers } : context;
}

const model = Compile(Event);
/** What may be stored of a body, by places and ids. */
export const draftsOf = ({ events }: Reading) => events.map(({ index, id }) => ({ index, id }));

const accepted = (reading: Reading) => reading.events.map(({ index }) => index);

/** What every dialect promises; each check throws where the promise is broken. */
export const promises: Readonly<Record<string, (given: Given) => void>> = {
  'maps each fixture to exactly its events': (given) => {
    const { dialect, fixtures } = given;
    for (const fixture of fixtures) {
      const { file, request, events } = fixture;
      const body = JSON.stringify(request.body);
      const reading = dialect.read(body, rules);
      assert.equal(reading.refused, [], file);
      assert.equal(dialect.view(body, accepted(reading), contextOf(given, fixture)), events, file);
    }
  },

  'finds the token of each fixture, in the header or in the query': ({ dialect, fixtures }) => {
    for (const { file, request } of fixtures) {
      const found = dialect.credentials({ headers: request.headers, query: () => 'demo-token' });
      assert.is(found.token, 'demo-token', file);
    }
  },

  'gives one event per index, in the order asked for': ({ dialect, context, fixtures }) => {
    for (const { file, request } of fixtures) {
      const body = JSON.stringify(request.body);
      const indexes = accepted(dialect.read(body, rules));
      const events = dialect.view(body, indexes, context);
      assert.equal(dialect.view(body, indexes.toReversed(), context), events.toReversed(), file);
      assert.equal(dialect.view(body, indexes.slice(1), context), events.slice(1), file);
    }
  },

  'reads the same whatever the spacing, the order of keys or a byte order mark': (given) => {
    const { dialect, fixtures } = given;
    for (const fixture of fixtures) {
      const { file, request, events } = fixture;
      const body = `\ufeff\r\n${JSON.stringify(reversed(request.body), null, '\t')}\n`;
      assert.equal(dialect.view(body, accepted(dialect.read(body, rules)), contextOf(given, fixture)), events, file);
    }
  },

  'makes valid events of whatever it accepts, with the ids it announced': ({ dialect, context, fixtures }) => {
    let seen = 0;
    fc.assert(
      fc.property(mutations(fixtures), (value) => {
        const body = JSON.stringify(value);
        const reading = readOrNothing(dialect, body);
        // What was refused is never viewed.
        const events = reading.events.length > 0 ? dialect.view(body, accepted(reading), context) : [];
        seen += events.length;
        assert.equal(
          events.map((event) => event.event_id),
          reading.events.map(({ id }) => id),
        );
        for (const event of events) {
          assert.ok(model.Check(event), `${JSON.stringify(model.Errors(event))} in ${JSON.stringify(event)}`);
          assert.ok(!halfPair.test(JSON.stringify(event)), 'an event has half a surrogate pair');
          assert.is(event.shop, context.shop);
          assert.is(event.trust, context.trust);
        }
      }),
      { numRuns: 3000 },
    );
    assert.ok(seen > 500, `only ${seen} events were accepted, too few to prove anything`);
  },

  'accepts any text or refuses it, with a code, a reason and the text itself': ({ dialect, fixtures }) => {
    const texts = fc.oneof(
      fc.string(),
      fc.json(),
      fc.json().map((json) => json.slice(1)),
      mutations(fixtures).map((value) => JSON.stringify(value)),
    );
    fc.assert(
      fc.property(texts, (body) => {
        const before = Object.keys(Object.prototype).length;
        const refused = refusals(dialect, body);
        assert.is(Object.keys(Object.prototype).length, before);
        for (const { code, reasons, raw } of refused) {
          assert.match(code, /^[a-z_]+$/);
          assert.ok(
            reasons.length > 0 && reasons.every((reason) => reason.length > 10 && reason.length < 2000),
            reasons.join('\n'),
          );
          assert.ok(body.includes(raw), 'kept something else than what came');
        }
      }),
      { numRuns: 2000 },
    );
  },

  'counts every event of a body once, accepted or refused': ({ dialect, fixtures }) => {
    fc.assert(
      fc.property(mutations(fixtures), (value) => {
        const reading = readOrNothing(dialect, JSON.stringify(value));
        const indexes = [...accepted(reading), ...reading.refused.map(({ index }) => index ?? -1)];
        assert.equal(
          indexes.toSorted((a, b) => a - b),
          indexes.map((_, index) => index),
        );
      }),
      { numRuns: 500 },
    );
  },

  'answers every refusal with JSON and the status asked for': ({ dialect }) => {
    for (const status of [400, 401, 403, 404, 405, 413, 415, 422, 429, 503] as const) {
      const reply = dialect.refused(new RequestRefused(status, 'what was wrong'));
      assert.is(reply.status, status);
      assert.type(JSON.parse(reply.body ?? ''), 'object');
    }
  },
};

// JSON.stringify writes half a pair as an escape, and a whole pair as it is.
const halfPair = /(?<!\\)(?:\\\\)*\\ud[89a-f]/;

function readOrNothing(dialect: Dialect, body: string): Reading {
  try {
    return dialect.read(body, rules);
  } catch (error) {
    assert.instance(error, RequestRefused);
    return { events: [], refused: [] };
  }
}

function refusals(dialect: Dialect, body: string): Reading['refused'] {
  try {
    return dialect.read(body, rules).refused;
  } catch (error) {
    if (!(error instanceof RequestRefused)) throw error;
    // A body that names another shop is not kept.
    return error.refusal ? [error.refusal] : [];
  }
}

function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .map(([key, one]) => [key, reversed(one)])
      .toReversed(),
  );
}

/** Bodies of the fixtures with up to three of their values replaced, removed or added. */
function mutations(fixtures: readonly Fixture[]): fc.Arbitrary<unknown> {
  const change = fc.record({ at: fc.nat(), key: fc.oneof(strangeKeys, fc.constant(undefined)), value: strangeValues });
  return fc
    .tuple(fc.constantFrom(...fixtures), fc.array(change, { maxLength: 3 }))
    .map(([{ request }, changes]) => changes.reduce<unknown>(changed, request.body));
}

const strangeKeys = fc.oneof(
  fc.string(),
  fc.constantFrom('__proto__', 'constructor', 'toString', 'product_id', 'track', 'shop', 'trust', 'is_bot'),
);
const strangeValues = fc.oneof(
  fc.constantFrom<unknown>(
    undefined,
    null,
    '',
    0,
    -1,
    1.5,
    true,
    2 ** 53,
    1e300,
    [],
    {},
    [null],
    { id: null },
    'wishlist_add',
  ),
  fc.constantFrom<unknown>(
    '\ud800',
    'a\udc00b',
    '\u0000',
    '12',
    'gid://shopify/Product/7',
    '2026-06-01',
    'yes',
    1780315150250,
  ),
  fc.jsonValue(),
  fc.string({ unit: 'binary' }),
);

interface Change {
  readonly at: number;
  readonly key: string | undefined;
  readonly value: unknown;
}

/** A copy with one place changed: the place is counted through all keys of the tree. */
function changed(body: unknown, { at, key, value }: Change): unknown {
  const copy = structuredClone(body);
  const places = placesOf(copy);
  const place = places[at % places.length];
  if (place) {
    // A new key in an array would be lost in JSON, or stretch it.
    const name = Array.isArray(place.node) ? place.key : (key ?? place.key);
    Object.defineProperty(place.node, name, { value, enumerable: true, writable: true, configurable: true });
  }
  return copy;
}

function placesOf(node: unknown): { node: object; key: string }[] {
  if (typeof node !== 'object' || node === null) return [];
  return Object.entries(node).flatMap(([key, value]) => [{ node, key }, ...placesOf(value)]);
}
