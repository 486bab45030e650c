import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { glood, layers, layersExample, layersText, tapcart } from './requests.ts';
import type { Fields, Row, Sent } from './row.ts';

const event = (fields: object = {}) => ({ events: [layersExample({ query: 'Größe', ...fields })] });
const text = (fields: object = {}): string => JSON.stringify(event(fields));
const says = event();
const one: Fields = { event_id: 'event-1', query: 'Größe' };

/** A body in some encoding, under this Content-Type and with these headers. */
const sent = (body: Buffer | string, type = 'application/json', headers: Readonly<Record<string, string>> = {}): Sent =>
  layersText(body, { headers: { 'content-type': type, ...headers }, says });
const encoded = (body: Buffer, encoding: string): Sent =>
  sent(body, 'application/json', { 'content-encoding': encoding });

const unsupported = (said: RegExp): Pick<Row, 'answer'> => ({
  answer: { status: 415, body: said, headers: { 'content-type': 'application/json' } },
});
const gzipped = gzipSync(text());
const utf16 = (value: string, order: 'le' | 'be'): Buffer => {
  const bytes = Buffer.from(value, 'utf16le');
  return order === 'le' ? bytes : bytes.swap16();
};

export const encodings: readonly Row[] = [
  { name: 'gzip', source: 'Java and Go clients, sGTM', sends: encoded(gzipped, 'gzip'), event: one },
  { name: 'x-gzip', source: 'RFC 9110: the same as gzip; was 415', sends: encoded(gzipped, 'x-gzip'), event: one },
  { name: 'GZIP in upper case', source: 'RFC 9110: in any case', sends: encoded(gzipped, 'GZIP'), event: one },
  {
    name: 'gzip without its header',
    source: 'Blobs of CompressionStream by sendBeacon',
    sends: sent(gzipped),
    event: one,
  },
  {
    name: 'gzip without its header, as text/plain',
    source: 'Blobs of CompressionStream by sendBeacon',
    sends: sent(gzipped, 'text/plain'),
    event: one,
  },
  {
    name: 'gzip without its header, in Glood',
    source: 'proxies that take Content-Encoding away',
    sends: { ...glood(), body: gzipSync(String(glood().body)), says: {} },
    event: { event_id: 'event-1' },
  },
  { name: 'identity', source: 'okhttp interceptors', sends: encoded(Buffer.from(text()), 'identity'), event: one },
  { name: 'an empty Content-Encoding', source: 'templates', sends: encoded(Buffer.from(text()), ''), event: one },
  {
    name: 'deflate with its zlib header',
    source: 'RFC 9110',
    sends: encoded(deflateSync(text()), 'deflate'),
    event: one,
  },
  { name: 'brotli', source: 'sGTM, Rust', sends: encoded(brotliCompressSync(text()), 'br'), event: one },
  { name: 'zstd', source: 'newer clients', sends: encoded(gzipped, 'zstd'), ...unsupported(/Content-Encoding/) },
  {
    name: 'a header of gzip over plain JSON',
    source: 'a header that was set by hand, a proxy that decompresses',
    sends: encoded(Buffer.from(text()), 'gzip'),
    event: one,
  },
  {
    name: 'gzip that is none',
    source: 'a header over something else',
    sends: { ...encoded(Buffer.from('no gzip'), 'gzip'), says: {} },
    answer: { status: 400, body: /decompressed/ },
  },
  {
    name: 'gzip that was cut short',
    source: 'connections that end',
    sends: encoded(gzipped.subarray(0, 40), 'gzip'),
    answer: { status: 400, body: /decompressed/ },
  },
  {
    name: 'application/json;charset=UTF-8',
    source: 'axios, old Angular',
    sends: sent(text(), 'application/json;charset=UTF-8'),
    event: one,
  },
  {
    name: 'application/json; charset=utf8',
    source: 'PHP',
    sends: sent(text(), 'application/json; charset=utf8'),
    event: one,
  },
  {
    name: 'application/json; charset="utf-8"',
    source: 'Spring',
    sends: sent(text(), 'application/json; charset="utf-8"'),
    event: one,
  },
  { name: 'APPLICATION/JSON', source: 'RFC 9110: in any case', sends: sent(text(), 'APPLICATION/JSON'), event: one },
  {
    name: 'text/plain;charset=UTF-8',
    source: 'sendBeacon with a text',
    sends: sent(text(), 'text/plain;charset=UTF-8'),
    event: one,
  },
  { name: 'no Content-Type', source: 'sendBeacon with a Blob without a type', sends: sent(text(), ''), event: one },
  {
    name: 'latin1, as it says',
    source: 'PHP and Perl back ends; was stored with U+FFFD',
    sends: sent(Buffer.from(text(), 'latin1'), 'application/json; charset=iso-8859-1'),
    event: one,
  },
  {
    name: 'latin1 by its other name',
    source: 'WHATWG labels',
    sends: sent(Buffer.from(text(), 'latin1'), 'application/json; charset=latin1'),
    event: one,
  },
  {
    name: 'windows-1252 with a euro sign',
    source: 'Windows back ends',
    sends: {
      ...sent(
        Buffer.from(text({ query: 'X' }).replace('X', '\x80 5'), 'latin1'),
        'application/json; charset=windows-1252',
      ),
      says: event({ query: '€ 5' }),
    },
    event: { query: '€ 5' },
  },
  {
    name: 'UTF-16 as it says',
    source: '.NET Encoding.Unicode',
    sends: sent(utf16(text(), 'le'), 'application/json; charset=utf-16le'),
    event: one,
  },
  {
    name: 'UTF-16 with its mark',
    source: '.NET, PowerShell',
    sends: sent(utf16(`\ufeff${text()}`, 'le'), 'application/json; charset=utf-16'),
    event: one,
  },
  {
    name: 'UTF-16, big-endian',
    source: 'Java',
    sends: sent(utf16(text(), 'be'), 'application/json; charset=utf-16be'),
    event: one,
  },
  {
    name: 'Shift_JIS',
    source: 'Japanese back ends',
    sends: {
      ...sent(
        Buffer.from(text({ query: 'X' }).replace('X', '\x8e\x77\x97\xd6'), 'latin1'),
        'application/json; charset=Shift_JIS',
      ),
      says: event({ query: '指輪' }),
    },
    event: { query: '指輪' },
  },
  {
    name: 'latin1 in Glood',
    source: 'PHP back ends',
    sends: {
      ...glood(),
      body: Buffer.from(
        JSON.stringify({ event: { id: 'e', name: 'search_submitted', data: { query: 'Größe' } }, session_id: 's' }),
        'latin1',
      ),
      headers: { ...glood().headers, 'content-type': 'application/json; charset=iso-8859-1' },
      says: { query: 'Größe' },
    },
    event: { query: 'Größe' },
  },
  {
    name: 'latin1, gzip',
    source: 'back ends behind a compressing proxy',
    sends: sent(gzipSync(Buffer.from(text(), 'latin1')), 'application/json; charset=iso-8859-1', {
      'content-encoding': 'gzip',
    }),
    event: one,
  },
  {
    name: 'us-ascii',
    source: 'Python email.mime',
    sends: sent(text().replace('ö', '\\u00f6').replace('ß', '\\u00df'), 'application/json; charset=us-ascii'),
    event: one,
  },
  {
    name: 'an unknown charset',
    source: 'a typing error',
    sends: sent(text(), 'application/json; charset=klingon'),
    ...unsupported(/charset/i),
  },
  {
    name: 'a mark at the beginning',
    source: '.NET, PowerShell: UTF-8 with a byte order mark',
    sends: sent(`\ufeff${text()}`),
    event: one,
  },
  {
    name: 'bytes that are no UTF-8',
    source: 'latin1 that does not say so',
    sends: { ...sent(Buffer.from(text(), 'latin1')), says: event({ query: 'Gr\ufffd\ufffde' }) },
    event: { query: 'Gr\ufffd\ufffde' },
  },
  {
    name: 'an emoji, Arabic and a family',
    source: 'every search field',
    sends: layers({ query: '💍 خاتم 👨‍👩‍👧' }),
    event: { query: '💍 خاتم 👨‍👩‍👧' },
  },
  {
    name: 'half an emoji',
    source: 'substring() of a text of the shopper',
    sends: layersText(
      '{"events":[{"event_id":"e","event_type":"search","timestamp":"2026-06-01","session_id":"s","query":"ring \\ud83d"}]}',
    ),
    event: { query: 'ring \ufffd' },
  },
  {
    name: 'U+0000 in a search',
    source: 'C strings, scanners',
    sends: layers({ query: 'ring\u0000' }),
    event: { query: 'ring\u0000' },
  },
  {
    name: 'control characters and line separators',
    source: 'texts from documents',
    sends: layers({ query: 'a\u0001\u0085\u2028\u2029b' }),
    event: { query: 'a\u0001\u0085\u2028\u2029b' },
  },
  {
    name: 'composed and decomposed letters',
    source: 'macOS: NFD',
    sends: layers({ query: 'Größe'.normalize('NFD') }),
    event: { query: 'Größe'.normalize('NFD') },
  },
  {
    name: 'JSON with blanks and line ends',
    source: 'JSON.stringify with an indent',
    sends: sent(`\r\n${JSON.stringify(event(), undefined, '\t')}\r\n\r\n`),
    event: one,
  },
  {
    name: 'JSON with escaped slashes',
    source: 'json_encode of PHP',
    sends: {
      ...sent(
        '{"events":[{"event_id":"e","event_type":"search","timestamp":"2026-06-01","session_id":"s","query":"a\\/b"}]}',
      ),
      says: {},
    },
    event: { query: 'a/b' },
  },
  {
    name: 'a form',
    source: 'URLSearchParams with sendBeacon',
    sends: sent('events=1', 'application/x-www-form-urlencoded;charset=UTF-8'),
    ...unsupported(/application\/x-www-form-urlencoded/),
  },
  {
    name: 'a form of several parts',
    source: 'FormData with sendBeacon',
    sends: sent('--x\r\n\r\n--x--', 'multipart/form-data; boundary=x'),
    ...unsupported(/multipart\/form-data/),
  },
  {
    name: 'text/plain in Glood',
    source: 'Glood: application/json only',
    sends: glood({}, {}, { headers: { 'content-type': 'text/plain' } }),
    answer: { status: 415, body: /"error":415/ },
  },
  {
    name: 'text/plain in Tapcart',
    source: 'the catalogue: JSON',
    sends: tapcart({}, { headers: { 'content-type': 'text/plain' } }),
    answer: { status: 415, body: /"ok":false/ },
  },
];
