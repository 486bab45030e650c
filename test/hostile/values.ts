import { body, event, events, filled, type Input, one, posted, refused } from './pieces.ts';
import { token } from './wire.ts';

/** An event for each of these values of a field, given as JSON text. */
const each = (field: string, ...texts: readonly string[]) =>
  events(texts.map((text, at) => event(`"event_id":"${field}-${at}","${field}":${text}`)).join());

const timed = (...texts: readonly string[]) =>
  events(
    texts
      .map((text, at) => `{"event_type":"search","event_id":"t${at}","session_id":"s","query":"q","timestamp":${text}}`)
      .join(),
  );

const everyType = ['true', '[]', '{}', '[7]', '{"a":1}', '1.5', '-1', '1e400'];
const bom = '\ufeff';
const plain = events(event('"query":"q"'));

/** Values at the edges of what JSON, numbers, dates and texts can be. */
export const values: readonly Input[] = [
  refused('NaN', events(event('"position":NaN'))),
  refused('Infinity', events(event('"position":Infinity'))),
  refused('a number in hexadecimal', events(event('"position":0x10'))),
  refused('comments', `/* a */${plain}`),
  refused('a comma too many', '{"events":[1,]}'),
  refused('single quotes', "{'events':[]}"),
  refused('a value behind the end', `${plain}{}`),
  ...['null', 'true', '1', '"events"', '[]', '[{"events":[]}]'].map((text) => refused(`${text} for a body`, text)),
  refused('an object that looks like an array', '{"events":{"length":1,"0":{}}}'),
  refused('101 events', events(Array(101).fill(event('"query":"q"')).join())),
  body('entries that are no objects', 0, events('null,true,1,"x",[],[[{}]]')),
  body('100 times the same id', 100, events(Array(100).fill(event('"event_id":"again"')).join())),

  body('a position of 1e400', 1, events(event('"position":1e400'))),
  body('1e400 where anything goes', 1, events(event('"contextual_data":{"price":1e400,"less":-1e400}'))),
  body('a position of -0, 0, 0.5 and "1"', 4, each('position', '-0', '0', '0.5', '"1"')),
  body('a product id of 2^53 + 1 as a number', 1, each('product_id', '9007199254740993')),
  body('a product id of 2^53 + 1 as text', 1, each('product_id', '"9007199254740993"')),
  body('a product id of every type', 0, each('product_id', ...everyType, 'null', '""', '"７"', '"7 "', '"-7"')),
  body(
    'a product id that only looks like a gid',
    0,
    each(
      'product_id',
      '"gid://shopify/Product/7/../8"',
      '"gid://evil/Product/7"',
      '"GID://SHOPIFY/Product/7"',
      '"gid://shopify/Product/"',
    ),
  ),
  body('an event id of every type', 9, events([...everyType, '7'].map((text) => event(`"event_id":${text}`)).join())),
  body('an event id of 201 characters', 1, events(event(`"event_id":"${'x'.repeat(201)}"`))),
  body('an event id with U+0000', 1, events(event('"event_id":"a\\u0000b"'))),
  body(
    'event ids that differ by half a surrogate',
    2,
    events(`${event('"event_id":"\\ud800"')},${event('"event_id":"\\udfff"')}`),
  ),
  body('a customer of every type', 8, each('customer_id', ...everyType)),

  body('times in the year 0 and 275760', 2, timed('"0000-01-01T00:00:00Z"', '"+275760-09-13T00:00:00.000Z"')),
  body('times one millisecond past the last', 2, timed('"+275760-09-13T00:00:00.001Z"', '8640000000000001', '1e400')),
  body(
    'a leap second, hour 25 and month 13',
    3,
    timed('"2016-12-31T23:59:60Z"', '"2026-01-01T25:00:00Z"', '"2026-13-01T00:00:00Z"'),
  ),
  body('the 30th of February and hour 24', 2, timed('"2026-02-30T12:00:00Z"', '"2026-02-28T24:00:00Z"')),
  body(
    'times as seconds, as -1 and of every type',
    7,
    timed('1767225600', '-1', '0', 'true', '[]', '{}', '["2026-06-01"]'),
  ),
  body('a time of 8,000 characters', 1, timed(`"${'2026 '.repeat(1_600)}"`)),
  body('a time with 8,000 brackets', 1, timed(`"${'('.repeat(8_000)}"`)),

  body('"events" twice, the wrong ones first', 1, `{"events":[{}],"events":[${event('"query":"last"')}]}`),
  body('"events" twice, the wrong ones last', 0, `{"events":[${event('"query":"first"')}],"events":[{}]}`),
  body('"event_type" twice, the wrong one last', 0, events(event('"event_type":"nope"'))),
  body('"events" in escapes beside "events"', 1, `{"events":[],"\\u0065vents":[${event('"query":"escaped"')}]}`),
  refused('events in what __proto__ names', `{"__proto__":${plain}}`),
  refused('events in what constructor names', `{"constructor":{"prototype":${plain}}}`),
  body(
    'types that every object has',
    0,
    events(
      ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf']
        .map((type) => event(`"event_type":"${type}"`))
        .join(),
    ),
  ),
  body(
    'keys that every object has',
    6,
    events(
      ['constructor', 'toString', 'toJSON', 'hasOwnProperty', 'then', 'length']
        .map((key) => event(`"event_id":"k-${key}","${key}":1`))
        .join(),
    ),
  ),
  body('__proto__ in an array in an object', 1, events(event('"contextual_data":{"a":[{"\\u005f_proto__":{}}]}'))),

  body('a byte order mark', 1, `${bom}${plain}`),
  refused('two byte order marks', `${bom}${bom}${plain}`),
  body('UTF-16', 1, Buffer.from(plain, 'utf16le')),
  body('UTF-16 with its mark', 1, Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(plain, 'utf16le')])),
  refused('half of UTF-16', Buffer.from(plain, 'utf16le').subarray(0, 99)),
  refused('a zero byte in a text', events(event('"query":"a\u0000b"'))),
  body('U+0000 in a text', 1, events(event('"query":"a\\u0000b"'))),
  body('overlong UTF-8', 1, around([0xc0, 0xaf, 0xe0, 0x80, 0xaf, 0xc1, 0x81])),
  body('surrogates in UTF-8', 1, around([0xed, 0xa0, 0x80, 0xed, 0xbf, 0xbf])),
  body('a character beyond Unicode', 1, around([0xf4, 0x90, 0x80, 0x80, 0xf8, 0x88, 0x80, 0x80, 0x80])),
  body('a character cut short before the quote', 1, around([0xe6, 0xbc])),
  refused(
    'an overlong quote that ends no text',
    Buffer.concat([Buffer.from('{"events":[{"a":"'), Buffer.from([0xc0, 0xa2])]),
  ),
  body(
    'escape codes of a terminal and text that turns around',
    1,
    events(event('"query":"\\u001b]0;pwn\\u0007\\u001b[2J\\u202egnp.exe"')),
  ),
  body('400 reasons', 0, events(manyReasons())),
  {
    name: '400 reasons, and all of them asked for',
    answers: [201],
    taken: 0,
    sending: () => one(posted('/beacon?verbose=1', [token], events(manyReasons()))),
  },
  body(
    '30 events of types with 8,000 letters',
    0,
    events(Array.from({ length: 30 }, () => event(`"event_type":"${filled('x', 8_000)}"`)).join()),
  ),
];

function manyReasons(): string {
  return Array(100)
    .fill('{"event_type":"product_click","timestamp":[],"session_id":[],"product_id":[],"position":[]}')
    .join();
}

/** Bytes within a text of a valid event. */
function around(bytes: readonly number[]): Buffer {
  const [before = '', after = ''] = events(event('"query":"HERE"')).split('HERE');
  return Buffer.concat([Buffer.from(before), Buffer.from(bytes), Buffer.from(after)]);
}
