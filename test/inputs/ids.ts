import { batch, glood, layers, layersExample, layersWith, tapcart } from './requests.ts';
import { DERIVED, type Row } from './row.ts';

/** An id that was made, and what stood in its place. */
const derived = { event_id: DERIVED, id_source: 'derived' };
const insteadOf = (id: string, extra: object) => ({ ...derived, extra: id === '' ? undefined : extra });
const reused = (id: string) => ({ event_id: new RegExp(`^${id}~[0-9a-f]{8}$`), id_source: 'reused', sent_id: id });

/** What clients send where they have no id. */
const noIds: readonly (readonly [id: string, source: string])[] = [
  ['undefined', 'String(undefined) in a template of a tag manager'],
  ['null', 'String(null) in a template of a tag manager'],
  ['NaN', 'a sum of ids that are not there'],
  ['None', 'str(None) of a Python back end'],
  ['[object Object]', 'an id object in a JavaScript template'],
  ['(null)', '%@ of a nil in Objective-C'],
  ['', 'empty columns of a back end; Glood’s schema allows it'],
  ['00000000-0000-0000-0000-000000000000', 'Guid.Empty of .NET, the nil UUID of RFC 9562'],
];

export const ids: readonly Row[] = [
  ...[
    ['a UUID', '01975a3c-8f10-7c3e-9b1d-4d2a6e1f0006', 'Layers event types page'],
    ['a ULID', '01JY8QH3Z5N4T0V6W8X2C4B6M8', 'Layers event types page'],
    ['the SDK’s own form', 'evt-1780315200000-k3j9x2', '@commerce-blocks/sdk without crypto.randomUUID'],
    ['a UUID in upper case', '2F0C6C0A-7B1D-4F55-9C0E-1E4D7A3B9C21', 'NSUUID().uuidString'],
    ['an id of a web pixel', 'sh-0a1b2c4-5D6E-4F70-8A9B-0C1D2E3F4A5B', 'Shopify web pixels'],
    ['an id with blanks and signs', 'order #1042 / línea 1', 'ids made of order names'],
    ['an id of 200 characters', 'x'.repeat(200), 'ids made of URLs'],
  ].map(
    ([what, id = '', source = '']): Row => ({
      name: `an id is kept: ${what}`,
      source,
      sends: layers({ event_id: id }),
      event: { event_id: id, id_source: 'client' },
    }),
  ),
  ...noIds.map(
    ([id, source]): Row => ({
      name: `no id in Layers: ${JSON.stringify(id)}`,
      source,
      sends: layers({ event_id: id }),
      event: insteadOf(id, { event_id: id }),
    }),
  ),
  ...noIds.map(
    ([id, source]): Row => ({
      name: `no id in Glood: ${JSON.stringify(id)}`,
      source,
      sends: glood({ id }),
      event: insteadOf(id, { event: { id } }),
    }),
  ),
  ...['undefined', '(null)', ''].map(
    (id): Row => ({
      name: `no id in Tapcart: ${JSON.stringify(id)}`,
      source: 'templates of webhook builders',
      sends: tapcart({ mp_metadata: { mp_event_id: id, mp_session_id: 'session-1' } }),
      event: insteadOf(id, { mp_metadata: { mp_event_id: id } }),
    }),
  ),
  {
    name: 'an id that is left out',
    source: 'the older page of POST /beacon has none',
    sends: layers({ event_id: undefined }),
    event: derived,
  },
  {
    name: 'an id that is null',
    source: 'optional fields of Swift and Kotlin',
    sends: layers({ event_id: null }),
    event: derived,
  },
  {
    name: 'two events with the id "undefined"',
    source: 'the second was lost with 201',
    sends: [layers({ event_id: 'undefined' }), layers({ event_id: 'undefined', product_id: 7003338965179 })],
    events: [
      { ...derived, product_id: '7003338965178', extra: { event_id: 'undefined' } },
      { ...derived, product_id: '7003338965179', extra: { event_id: 'undefined' } },
    ],
  },
  {
    name: 'the same event with the id "undefined", sent again',
    source: 'a retry after a lost answer',
    sends: [layers({ event_id: 'undefined' }), layers({ event_id: 'undefined' })],
    event: { ...derived, extra: { event_id: 'undefined' } },
    duplicates: 1,
  },
  {
    name: 'two events of Glood with the id "[object Object]"',
    source: 'an id object in a template',
    sends: [glood({ id: '[object Object]' }), glood({ id: '[object Object]', name: 'cart_viewed' })],
    events: [1, 2].map(() => ({ ...derived, extra: { event: { id: '[object Object]' } } })),
  },
  {
    name: 'an id again, of another type',
    source: 'ids made of the page view, shared by its events',
    sends: batch([layersExample(), layersExample({ event_type: 'add_to_cart' })]),
    events: [
      { event_id: 'event-1', id_source: 'client' },
      { ...reused('event-1'), event_type: 'add_to_cart' },
    ],
  },
  {
    name: 'an id again, of another shopper',
    source: 'counters that begin at 1 on each device',
    sends: [
      layers({ session_id: 'session-1', device_id: 'device-1' }),
      layers({ session_id: 'session-2', device_id: 'device-2' }),
    ],
    events: [{ event_id: 'event-1' }, { ...reused('event-1'), session_id: 'session-2' }],
  },
  {
    name: 'an id again, of another shopper, sent again',
    source: 'a retry of that',
    sends: ['1', '2', '2'].map((n) => layers({ session_id: `session-${n}`, device_id: `device-${n}` })),
    events: [{ event_id: 'event-1' }, reused('event-1')],
    duplicates: 1,
  },
  {
    name: 'an id again, after the session was renewed',
    source: 'retries from a queue that outlives the visit',
    sends: [layers({ device_id: 'device-1' }), layers({ device_id: 'device-1', session_id: 'session-2' })],
    event: { event_id: 'event-1', session_id: 'session-1' },
    duplicates: 1,
    gone: { session_id: 'the first of two copies counts' },
  },
  {
    name: 'an id again, of another session, where no device is stated',
    source: 'Layers: device_id is not in the list of fields',
    sends: [layers(), layers({ session_id: 'session-2' })],
    event: { event_id: 'event-1', session_id: 'session-1' },
    duplicates: 1,
    gone: { session_id: 'the first of two copies counts' },
  },
  {
    name: 'an id twice in a batch',
    source: 'a queue that is read twice',
    sends: batch([layersExample(), layersExample()]),
    event: { event_id: 'event-1' },
    duplicates: 1,
  },
  {
    name: 'five attempts at once',
    source: 'Glood’s SDK tries again after 1, 2, 4 and 8 s',
    sends: [glood(), glood(), glood(), glood(), glood()],
    event: { event_id: 'event-1' },
    duplicates: 4,
  },
  {
    name: 'an id that both contracts send',
    source: 'a shop that moves from Glood to Layers sends to both for a while',
    sends: [
      { ...glood({ name: 'product_viewed', data: { productVariant: { product: { id: '7003338965178' } } } }) },
      { ...layers() },
    ],
    answer: [
      { status: 200, body: '{"ok":true}' },
      { status: 201, body: 'null' },
    ],
    event: { event_id: 'event-1', dialect: 'glood', event_type: 'product_view' },
    duplicates: 1,
  },
  {
    name: 'two events without ids that differ past 2^53',
    source: 'ids through doubles were one',
    sends: ['9007199254740992', '9007199254740993'].map((id) =>
      layersWith(`"event_id": null, "contextual_data": {"order": ${id}}`),
    ),
    events: [
      { ...derived, contextual_data: { order: '9007199254740992' } },
      { ...derived, contextual_data: { order: '9007199254740993' } },
    ],
  },
  {
    name: 'an event without an id, its keys in another order',
    source: 'maps of Go and Swift have no order',
    sends: [
      layers({ event_id: undefined }),
      batch([Object.fromEntries(Object.entries(layersExample({ event_id: undefined })).reverse())]),
    ],
    event: derived,
    duplicates: 1,
  },
  {
    name: 'an id of 300 characters',
    source: 'ids made of URLs with parameters',
    sends: layers({ event_id: 'x'.repeat(300) }),
    event: { id_source: 'derived', extra: { event_id: 'x'.repeat(300) } },
  },
  {
    name: 'an id with U+0000',
    source: 'C strings with their end',
    sends: layers({ event_id: 'event\u0000' }),
    event: { id_source: 'derived', extra: { event_id: 'event\u0000' } },
  },
  {
    name: 'an id that is a number',
    source: 'Date.now() as an id',
    sends: layers({ event_id: 1780315200123 }),
    event: { event_id: '1780315200123', id_source: 'client' },
  },
];
