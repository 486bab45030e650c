import * as assert from 'uvu/assert';
import { glood as dialect } from '../../adapters/dialects/glood/glood.ts';
import type { Gateway } from '../../server/process/gateway.ts';
import { rules } from '../contracts/dialect.ts';
import { describe } from '../support/describe.ts';
import { gatewayWith, glood, SHOP } from '../support/gateway.ts';
import { glood as published } from './documents.ts';

interface Schema {
  readonly enum?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
}

const propertiesOf = (name: string): Readonly<Record<string, Schema>> =>
  (published() as { components: { schemas: Record<string, Schema> } }).components.schemas[name]?.properties ?? {};

/** Bodies that the published schema allows and that random ones seldom are: as JSON text, with a name. */
const allowed: readonly (readonly [what: string, body: string])[] = [
  ['a text of 60,000 characters', around('', `"page_url":"https://shop.example.com/?q=${'x'.repeat(60_000)}"`)],
  ['texts that are long together', around(`"data":{"notes":["${'é'.repeat(14_000)}","${'é'.repeat(14_000)}"]}`)],
  ['an id of 300 characters', around().replace('"id":"e"', `"id":"${'i'.repeat(300)}"`)],
  ['an id with U+0000', around().replace('"id":"e"', '"id":"\\u0000"')],
  ['an id that is empty', around().replace('"id":"e"', '"id":""')],
  ['a session that is empty', around().replace('"session_id":"s"', '"session_id":""')],
  ['a time in the year 1', around('"timestamp":"0001-01-01T00:00:00Z"')],
  ['32 levels', around(`"data":{"a":${'['.repeat(29)}${']'.repeat(29)}}`)],
  ['2,000 keys', around(`"customData":{${Array.from({ length: 2_000 }, (_, at) => `"${at}":1`).join()}}`)],
  ['a key that reaches for the prototype', around('"data":{"__proto__":{"x":1}}', '"__proto__":{"x":1}')],
  ['keys that every object has', around('"data":{"toString":1,"constructor":{}}', '"hasOwnProperty":"x","then":{}')],
  ['U+0000 in texts and keys', around('"data":{"\\u0000":"\\u0000"}', '"user_id":"\\u0000","page_url":"\\u0000"')],
  ['half a character', around('"data":{"\\ud83d":"\\ude00"}', '"client_id":"\\ud83d"')],
  [
    'every text empty',
    around('', '"user_id":"","client_id":"","customer_id":"","page_url":"","device":{"type":"","os":""}'),
  ],
  [
    'every object empty',
    around('"data":{},"customData":{}', '"device":{},"cart":{},"customer":{},"customer_privacy":{}'),
  ],
  ['null beyond what is named', around('"also":null', '"also":[null,{"and":null}]')],
  ['numbers that no double holds', around('"data":{"n":[1e999,-1e999,123456789012345678901234567890,5e-324]}')],
  ['a customer who is no number', around('', '"customer_id":"gid://shopify/Customer/7?x"')],
  ['a leap second, and another time zone', around('"timestamp":"2016-12-31T23:59:59.999999+14:00"')],
];

function around(event = '', body = ''): string {
  const also = (fields: string) => (fields === '' ? '' : `,${fields}`);
  return `{"event":{"id":"e","name":"page_viewed"${also(event)}},"session_id":"s"${also(body)}}`;
}

describe("what Glood's published schema allows and random bodies seldom are", ({ it, before, after }) => {
  let gateway: Gateway;
  before(async () => {
    gateway = await gatewayWith(`shops: [{ shop: ${SHOP}, tokens: [demo-token] }]`);
  });
  after(() => gateway.stop());

  for (const [index, [what, body]] of allowed.entries()) {
    it(`is taken: ${what}`, async () => {
      const own = body.replace('"id":"e"', `"id":"e-${index}"`);
      const reply = await glood(gateway.port, undefined, { body: own });
      assert.is(reply.status, 200, reply.body);
      assert.is(reply.headers['x-events-accepted'], '1');
    });
  }

  it('is every combination of its enums', () => {
    const { event, channel, page_type } = propertiesOf('HeadlessEventsRequest');
    const { name, type } = event?.properties ?? {};
    let read = 0;
    for (const name_ of name?.enum ?? [])
      for (const type_ of type?.enum ?? [])
        for (const channel_ of channel?.enum ?? [])
          for (const page_type_ of page_type?.enum ?? []) {
            const event = { id: 'e', name: name_, type: type_ };
            const body = JSON.stringify({ event, session_id: 's', channel: channel_, page_type: page_type_ });
            assert.is(dialect.read(body, rules).events.length, 1, body);
            read += 1;
          }
    assert.is(read, 28 * 2 * 4 * 8);
  });

  /** No value can stand for these: they are kept in quarantine, and the contract's own refusal says why. */
  const refused: readonly (readonly [what: string, body: string, says: RegExp])[] = [
    ['33 levels', around(`"data":{"a":${'['.repeat(30)}${']'.repeat(30)}}`), /at most 32 nested levels/],
    [
      '2,100 keys',
      around(`"data":{${Array.from({ length: 2_100 }, (_, at) => `"${at}":1`).join()}}`),
      /at most 2048 keys/,
    ],
    ['70,000 bytes', around('', `"page_url":"${'x'.repeat(70_000)}"`), /at most 65536/],
  ];
  for (const [what, body, says] of refused) {
    it(`is refused where receivers could not take it: ${what}`, async () => {
      const reply = await glood(gateway.port, undefined, { body });
      assert.is(reply.status, 400);
      assert.match(reply.body, says);
    });
  }
});
