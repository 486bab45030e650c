import * as assert from 'uvu/assert';
import type { Context } from '../../../adapters/dialects/dialect.ts';
import { glood } from '../../../adapters/dialects/glood/glood.ts';
import { layers } from '../../../adapters/dialects/layers/layers.ts';
import { tapcart } from '../../../adapters/dialects/tapcart/tapcart.ts';
import { context, rules } from '../../contracts/dialect.ts';
import { describe } from '../../support/describe.ts';

const long = '820982911946154508';
const time = '"timestamp":"2026-06-01T11:59:00Z"';
const inLayers = (fields: string) =>
  `{"events":[{"event_id":"e","event_type":"product_view",${time},"session_id":"s","product_id":1,${fields}}]}`;
const inGlood = (event: string, body = '"session_id":"s"') =>
  `{"event":{"id":"e","name":"product_viewed",${time},${event}},${body}}`;
const inTapcart = (fields: string) => `{"event":"cartAdd","mp_metadata":{"mp_event_id":"e"},${fields}}`;

/** Bodies with numbers that a double cannot hold, and what becomes of each. */
const cases: readonly (readonly [what: string, dialect: typeof layers, body: string, says: object])[] = [
  ['a product', layers, inLayers(`"product_id":${long}`), { product_id: long }],
  ['a variant', layers, inLayers(`"variant_id":${long}`), { variant_id: long }],
  ['2^53', layers, inLayers('"variant_id":9007199254740992'), { variant_id: '9007199254740992' }],
  ['a customer', layers, inLayers(`"customer_id":${long}`), { customer_id: long }],
  ['free-form context', layers, inLayers(`"contextual_data":{"a":[${long}]}`), { contextual_data: { a: [long] } }],
  ['an unknown key', layers, inLayers(`"note":{"n":-${long}}`), { extra: { note: { n: `-${long}` } } }],
  ['a field that it does not fit', layers, inLayers(`"position":${long}`), { extra: { position: long } }],
  ['21 digits for an id', layers, inLayers(`"variant_id":${long}123`), { extra: { variant_id: `${long}123` } }],
  ['30 spaces', layers, inLayers(`"variant_id": ${' '.repeat(30)}${long} `), { variant_id: long }],
  ['text that has digits', layers, inLayers(`"note":"${long}"`), { extra: { note: long } }],
  [
    'numbers that a double holds',
    layers,
    inLayers('"note":[9007199254740991,1]'),
    { extra: { note: [9007199254740991, 1] } },
  ],
  ['decimals beside it', layers, inLayers(`"note":[12.50,${long},1e3]`), { extra: { note: [12.5, long, 1000] } }],
  ['long decimals', layers, inLayers('"note":[0.12345678901234567890]'), { extra: { note: [0.12345678901234568] } }],
  [
    'a payload',
    glood,
    inGlood(`"data":{"productVariant":{"id":${long},"product":{"id":${long}}}}`),
    { product_id: long, variant_id: long, data: { productVariant: { id: long, product: { id: long } } } },
  ],
  ['an own payload', glood, inGlood(`"customData":{"n":${long}}`), { custom_data: { n: long } }],
  ['a cart', glood, inGlood('"data":{}', `"session_id":"s","cart":{"n":${long}}`), { cart: { n: long } }],
  ['a customer', glood, inGlood('"data":{}', `"session_id":"s","customer":{"id":${long}}`), { customer: { id: long } }],
  ["a customer's id", glood, inGlood('"data":{}', `"session_id":"s","customer_id":${long}`), { customer_id: long }],
  [
    'a payload',
    tapcart,
    inTapcart(`"data":{"product_ids":[${long}]}`),
    { product_id: long, data: { product_ids: [long] } },
  ],
];

describe('digits beyond 2^53', ({ it }) => {
  for (const [what, dialect, body, says] of cases) {
    it(`survive in ${what} of ${dialect.name}: ${body.slice(90)}`, () => {
      assert.equal(dialect.read(body, rules).refused, []);
      const event = dialect.view(body, [0], context('public'))[0]!;
      for (const [key, value] of Object.entries(says)) assert.equal(event[key as keyof typeof event], value);
    });
  }

  for (const no of [
    '"n":0820982911946154508',
    '820982911946154508:1',
    '"n":820982911946154508x',
    '"n":+820982911946154508',
  ])
    it(`make no JSON of what is none: ${no}`, () => {
      assert.throws(() => layers.read(inLayers(no), rules), /got text that is not JSON/);
      assert.throws(() => layers.sent(inLayers(no), [0], 2), /got text that is not JSON/);
    });

  it('survive in what is refused', () => {
    const entry = `{"event_type":"search","n":${long}}`;
    assert.is(layers.read(`{"events":[${entry}]}`, rules).refused[0]?.raw, entry);
  });

  it('tell events apart, and leave the ids of stored ones as they were', () => {
    const without = (id: string) => inLayers(`"note":${id}`).replace('"event_id":"e",', '');
    const view = (body: string, derivations?: readonly number[]) =>
      layers.view(body, [0], context('public') satisfies Context, derivations)[0]!;
    const [one, other] = [view(without(long)), view(without('820982911946154509'))];
    assert.is.not(one.event_id, other.event_id);
    assert.is(one.event_id, layers.read(without(long), rules).events[0]?.id);
    // By the first version, whose ids are stored, both were rounded to one.
    const old = [long, '820982911946154509', '820982911946154496'].map((id) => view(without(id), [1]).event_id);
    assert.equal(new Set(old).size, 1);
    assert.equal(view(without(long), [1]).extra, { note: long });
  });
});
