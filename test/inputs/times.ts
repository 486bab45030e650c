import { glood, layers, layersWith, tapcart } from './requests.ts';
import { RECEIVED, type Row } from './row.ts';

/** How real clients write 2026-06-01T12:00:00Z. */
const understood: readonly (readonly [sent: string | number, source: string, time?: string])[] = [
  ['2026-06-01T12:00:00.000Z', 'Date.toISOString, the SDK'],
  ['2026-06-01T12:00:00Z', 'Go, Java Instant'],
  ['2026-06-01T14:00:00+02:00', 'Java OffsetDateTime, Python isoformat'],
  ['2026-06-01T08:00:00-0400', 'iOS and strftime %z: no colon'],
  ['2026-06-01T12:00:00.000+0000', 'Jackson, SimpleDateFormat'],
  ['2026-06-01T12:00:00', 'Python datetime.utcnow().isoformat(): no zone means UTC'],
  ['2026-06-01T12:00Z', 'Java: no seconds where they are 0'],
  ['2026-06-01T12:00:00.123456Z', 'Python, microseconds', '2026-06-01T12:00:00.123Z'],
  ['2026-06-01T12:00:00.123456789Z', 'Go time.RFC3339Nano', '2026-06-01T12:00:00.123Z'],
  ['2026-06-01T12:00:00.1234567+00:00', '.NET "o"', '2026-06-01T12:00:00.123Z'],
  ['2026-06-01T12:00:00,250Z', 'ISO 8601 with a comma: log4j, European locales', '2026-06-01T12:00:00.250Z'],
  ['20260601T120000Z', 'ISO 8601, compact: iCalendar, AWS'],
  ['20260601T120000.250Z', 'ISO 8601, compact, with a fraction', '2026-06-01T12:00:00.250Z'],
  ['2026-06-01', 'a date from a spreadsheet', '2026-06-01T00:00:00.000Z'],
  ['2026-06-01 12:00:00', 'MySQL, PHP date("Y-m-d H:i:s")'],
  ['2026-06-01 12:00:00+00', 'PostgreSQL timestamptz'],
  ['2026-06-01 12:00:00 UTC', 'Ruby Time#to_s, BigQuery'],
  ['2026-06-01 14:00:00 +0200', 'Ruby Time#to_s'],
  ['2026-06-01T14:00:00+02:00[Europe/Berlin]', 'Java ZonedDateTime, Temporal'],
  ['2026-06-01T12:00:00 PM', 'iOS with a 12-hour clock, locale not fixed'],
  ['2026-06-01 12:00:00\u202fPM', 'Intl since Chrome 110: U+202F'],
  ['Mon, 01 Jun 2026 12:00:00 GMT', 'Date.toUTCString, RFC 1123'],
  ['Mon, 01 Jun 2026 14:00:00 +0200', 'RFC 2822, PHP DATE_RFC2822'],
  ['Mon Jun 01 2026 12:00:00 GMT+0000 (Coordinated Universal Time)', 'Date.toString'],
  ['Mon Jun  1 12:00:00 2026', 'C asctime, Python ctime'],
  ['6/1/2026, 12:00:00 PM', 'Date.toLocaleString, en-US'],
  ['June 1, 2026 12:00', 'Layers: any value that Date can parse'],
  ['٢٠٢٦-٠٦-٠١T١٢:٠٠:٠٠Z', 'SimpleDateFormat with an Arabic locale'],
  ['۲۰۲۶-۰۶-۰۱T۱۲:۰۰:۰۰Z', 'SimpleDateFormat with a Persian locale'],
  [1780315200000, 'Date.now()'],
  ['1780315200000', 'String(Date.now())'],
  [1780315200000.25, 'performance.timeOrigin + performance.now()'],
  [999999999999, 'milliseconds of 12 digits: 2001', '2001-09-09T01:46:39.999Z'],
  ['2001-01-01T00:00:00Z', 'back-filling is a use', '2001-01-01T00:00:00.000Z'],
];

/** What no time can be read from, or none that can be true. */
const strange: readonly (readonly [sent: unknown, source: string])[] = [
  [1780315200, 'seconds: PHP time(), Ruby to_i'],
  ['1780315200', 'seconds as text'],
  [1780315200.123, 'seconds: Python time.time()'],
  [1780315200000000, 'microseconds: GA4 event_timestamp'],
  ['1780315200000000', 'microseconds as text'],
  ['1780315200000000000', 'nanoseconds: Go UnixNano'],
  [0, 'an empty time of Go or C'],
  [-1, 'an error code'],
  ['0', 'an empty column'],
  ['1', 'Date.parse gives 2001'],
  ['product 7', 'Date.parse gives 2001'],
  ['Jun 1', 'Date.parse gives 2001'],
  ['Mon, 01 Jun 26 12:00:00 GMT', 'RFC 822: the year in two digits'],
  ['99999-01-01', 'Date.parse takes it'],
  ['+058385-08-07T00:00:00.000Z', 'microseconds through Date.toISOString'],
  ['2569-06-01T12:00:00Z', 'iOS with the Buddhist calendar'],
  ['0008-06-01T12:00:00Z', 'iOS with the Japanese calendar'],
  ['1447-12-15T12:00:00Z', 'Android with the Islamic calendar'],
  ['1970-01-01T00:00:00.000Z', 'new Date(0), a clock without a battery'],
  ['1999-12-31T23:59:59Z', 'years before 2000'],
  ['0001-01-01T00:00:00Z', '.NET DateTime.MinValue, Go’s zero time'],
  ['0000-00-00 00:00:00', 'MySQL zero date'],
  ['Invalid Date', 'String(new Date(NaN))'],
  ['undefined', 'a template'],
  ['NaN', 'String(NaN)'],
  ['now', 'strtotime'],
  ['{{timestamp}}', 'a template that was not filled in'],
  ['/Date(1780315200000)/', 'ASP.NET JavaScriptSerializer'],
  [true, 'a flag in its place'],
  [{ $date: '2026-06-01T12:00:00Z' }, 'MongoDB extended JSON'],
  [{ seconds: 1780315200, nanoseconds: 5 }, 'Firestore Timestamp'],
  [[2026, 6, 1, 12, 0], 'Jackson writes LocalDateTime as an array'],
];

const received = (sent: unknown) => ({ timestamp: RECEIVED, timestamp_source: 'received', extra: { timestamp: sent } });
const inHours = (hours: number): string => new Date(Date.now() + hours * 3_600_000).toISOString();
const [soon, tomorrow] = [inHours(23), inHours(26)];

export const times: readonly Row[] = [
  ...understood.map(
    ([timestamp, source, time = '2026-06-01T12:00:00.000Z']): Row => ({
      name: `a time: ${JSON.stringify(timestamp)}`,
      source,
      sends: layers({ timestamp }),
      event: { timestamp: time },
    }),
  ),
  ...strange.map(
    ([timestamp, source]): Row => ({
      name: `no time: ${JSON.stringify(timestamp)}`,
      source,
      sends: layers({ timestamp }),
      event: received(timestamp),
    }),
  ),
  {
    name: 'nanoseconds as a number',
    source: 'Go UnixNano, Kotlin',
    sends: layersWith('"timestamp": 1780315200000000123'),
    event: received('1780315200000000123'),
  },
  {
    name: 'a clock 23 hours ahead',
    source: 'a phone set by hand',
    sends: layers({ timestamp: soon }),
    event: { timestamp: soon },
  },
  {
    name: 'a clock more than a day ahead',
    source: 'games are played so',
    sends: layers({ timestamp: tomorrow }),
    event: received(tomorrow),
  },
  ...[undefined, null, ''].map(
    (timestamp): Row => ({
      name: `the time left out of Layers: ${JSON.stringify(timestamp) ?? 'not there'}`,
      source: 'Layers requires it',
      sends: layers({ timestamp }),
      refused: [{ code: 'invalid', reason: /events\[0\]\.timestamp/ }],
    }),
  ),
  ...[undefined, null, ''].map(
    (timestamp): Row => ({
      name: `the time left out of Glood: ${JSON.stringify(timestamp) ?? 'not there'}`,
      source: 'Glood does not require it',
      sends: glood({ timestamp }),
      event: { timestamp: RECEIVED },
    }),
  ),
  {
    name: 'milliseconds in Glood',
    source: 'Date.now(), Hydrogen’s eventTimestamp',
    sends: glood({ timestamp: 1780315200000 }),
    event: { timestamp: '2026-06-01T12:00:00.000Z' },
  },
  {
    name: 'seconds in Glood',
    source: 'PHP time()',
    sends: glood({ timestamp: 1780315200 }),
    event: { timestamp: RECEIVED, timestamp_source: 'received', extra: { event: { timestamp: 1780315200 } } },
  },
  {
    name: 'Invalid Date in Glood',
    source: 'String(new Date(NaN))',
    sends: glood({ timestamp: 'Invalid Date' }),
    event: { timestamp: RECEIVED, timestamp_source: 'received', extra: { event: { timestamp: 'Invalid Date' } } },
  },
  {
    name: 'milliseconds in Tapcart',
    source: 'Tapcart’s older webhook: epoch ms',
    sends: tapcart({ properties: { timestamp: 1780315200000 } }),
    event: { timestamp: '2026-06-01T12:00:00.000Z' },
  },
  {
    name: 'no time in Tapcart',
    source: 'the catalogue has none',
    sends: tapcart(),
    event: { timestamp: RECEIVED },
  },
  {
    name: 'microseconds in Tapcart',
    source: 'a unit taken for another',
    sends: tapcart({ properties: { timestamp: 1780315200000000 } }),
    event: { timestamp: RECEIVED, timestamp_source: 'received', contextual_data: { timestamp: 1780315200000000 } },
  },
];
