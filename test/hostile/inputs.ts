import { brotliCompressSync, constants, deflateSync, gzipSync } from 'node:zlib';
import { addressed } from './addressed.ts';
import { bent } from './bent.ts';
import { contracts } from './contracts.ts';
import { event, events, filled, full, good, type Input, length, line, one } from './pieces.ts';
import { squeezed } from './squeezed.ts';
import { values } from './values.ts';
import { beacon, chunked, host, request, token } from './wire.ts';

const bodies: readonly Input[] = [
  {
    name: '5 MB, its length stated',
    answers: [413],
    sending: () => ({ bytes: [request(line, [host, token, 'Content-Length: 5242880']), Buffer.alloc(5 << 20)] }),
  },
  { name: '5 MB in chunks', answers: [413], sending: () => one(chunked(Buffer.alloc(5 << 20, 0x20), 64 * 1024)) },
  {
    name: '200 KB in chunks of one byte',
    answers: [],
    sending: () => one(chunked(Buffer.alloc(200 * 1024, 0x20), 1)),
  },
  {
    name: 'a chunk with 1 MB of extensions',
    answers: [413],
    sending: () =>
      one(request(line, [host, token, 'Transfer-Encoding: chunked'], `1;${filled('x', 1 << 20)}\r\n{\r\n0\r\n\r\n`)),
  },
  {
    name: 'a length of 100, and ten bytes',
    answers: [400],
    sending: () => one(request(line, [host, token, 'Content-Length: 100'], '0123456789'), { end: true }),
  },
  {
    name: 'a length of 10, and 1 MB',
    answers: [400],
    sending: () => one(request(line, [host, token, 'Content-Length: 10'], Buffer.alloc(1 << 20, 0x20)), { answers: 2 }),
  },
  ...['-1', '1e3', '0x10', '5, 5', '99999999999999999999', '5\u00a0', ''].map(
    (length): Input => ({
      name: `a length of "${length}"`,
      answers: [400],
      sending: () => one(request(line, [host, token, `Content-Length: ${length}`], good()), { end: true }),
    }),
  ),
  {
    name: 'a chunk that says it has 2^64 bytes',
    answers: [400],
    sending: () => one(request(line, [host, token, 'Transfer-Encoding: chunked'], 'fffffffffffffffff\r\n{')),
  },
  {
    name: 'a chunk of -1 bytes',
    answers: [400],
    sending: () => one(request(line, [host, token, 'Transfer-Encoding: chunked'], '-1\r\n{')),
  },
];

const json: readonly Input[] = [
  { name: '130,000 arrays in each other', answers: [422], sending: () => one(beacon(filled('[') + filled(']', 100))) },
  {
    name: '43,000 objects in each other',
    answers: [422],
    sending: () => one(beacon(filled('{"a":', 215_000) + '1'.concat('}'.repeat(43_000)))),
  },
  ...[33, 1_000, 20_000].map(
    (depth): Input => ({
      name: `an event ${depth.toLocaleString('en')} levels deep`,
      answers: [201],
      sending: () => one(beacon(events(event(`"contextual_data":${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`)))),
    }),
  ),
  {
    name: 'an event with 18,000 keys',
    answers: [201],
    sending: () =>
      one(
        beacon(events(event(`"contextual_data":{${Array.from({ length: 18_000 }, (_, i) => `"k${i}":1`).join(',')}}`))),
      ),
  },
  {
    name: 'an array of 120,000 entries',
    answers: [201],
    sending: () => one(beacon(events(event(`"contextual_data":{"a":[${filled('1,', 240_000)}1]}`)))),
  },
  {
    name: '20,000 times the key "events"',
    answers: [422],
    sending: () => one(beacon(`{${filled('"events":[],')}"a":1}`)),
  },
  {
    name: '100 events of two keys',
    answers: [201],
    sending: () => one(beacon(events(filled('{"a":1},', 800).slice(0, -1)))),
  },
  {
    name: '100 events of 2.5 KB, all of them wrong',
    answers: [201],
    sending: () =>
      one(beacon(events(Array.from({ length: 100 }, () => event(`"x":"${filled('y', 2_400)}","position":0`)).join()))),
  },
  {
    name: 'a number of 250,000 digits',
    answers: [201],
    sending: () => one(beacon(events(event(`"position":${filled('9')}`)))),
  },
  {
    name: 'a number of 250,000 digits behind the point',
    answers: [201],
    sending: () => one(beacon(events(event(`"position":1.${filled('9', 250_000)}`)))),
  },
  {
    name: 'a text of 250 KB',
    answers: [201],
    sending: () => one(beacon(events(event(`"query":"${filled('x', 250_000)}"`)))),
  },
  {
    name: 'a text of 42,000 escapes',
    answers: [201],
    sending: () => one(beacon(events(event(`"query":"${filled('\\u0041', 250_000)}"`)))),
  },
  {
    name: 'a text of 42,000 half surrogates',
    answers: [201],
    sending: () => one(beacon(events(event(`"query":"${filled('\\ud800', 250_000)}"`)))),
  },
  {
    name: 'a text of 125,000 backslashes and half a surrogate',
    answers: [201],
    sending: () => one(beacon(events(event(`"query":"${filled('\\\\', 250_000)}\\ud800"`)))),
  },
  {
    name: 'a text of 250,000 brackets',
    answers: [201],
    sending: () => one(beacon(events(event(`"query":"${filled('[', 250_000)}"`)))),
  },
  { name: 'bytes that are no UTF-8', answers: [422], sending: () => one(beacon(Buffer.alloc(full, 0xff))) },
  { name: '250 KB of blanks', answers: [422], sending: () => one(beacon(filled(' '))) },
  { name: '250 KB of zero bytes', answers: [422], sending: () => one(beacon(Buffer.alloc(full))) },
  {
    name: 'JSON that ends in the middle',
    answers: [422],
    sending: () => one(beacon(events(event(`"query":"${filled('x')}"`)).slice(0, 250_000))),
  },
];

const encoded = (body: Buffer, encoding: string) => beacon(body, [`Content-Encoding: ${encoding}`]);
const bomb = () => Buffer.alloc(100 << 20);
const QUICKLY = { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } };

const compressed: readonly Input[] = [
  { name: 'gzip of 100 MB (100 KB)', answers: [413], sending: () => one(encoded(gzipSync(bomb()), 'gzip')) },
  { name: 'deflate of 100 MB (100 KB)', answers: [413], sending: () => one(encoded(deflateSync(bomb()), 'deflate')) },
  {
    name: 'br of 100 MB (200 bytes)',
    answers: [413],
    sending: () => one(encoded(brotliCompressSync(bomb(), QUICKLY), 'br')),
  },
  { name: 'gzip in gzip', answers: [422], sending: () => one(encoded(gzipSync(gzipSync(good())), 'gzip')) },
  {
    name: '5,000 empty gzip members',
    answers: [422],
    sending: () => one(encoded(Buffer.concat(Array(5_000).fill(gzipSync(''))), 'gzip')),
  },
  { name: 'gzip cut short', answers: [400], sending: () => one(encoded(gzipSync(good()).subarray(0, 30), 'gzip')) },
  {
    name: 'br cut short',
    answers: [400],
    sending: () => one(encoded(brotliCompressSync(good()).subarray(0, 30), 'br')),
  },
  {
    name: 'gzip with a wrong checksum',
    answers: [400],
    sending: () => one(encoded(damaged(gzipSync(good())), 'gzip')),
  },
  { name: 'text that says it is gzip', answers: [201], sending: () => one(encoded(Buffer.from(good()), 'gzip')) },
  { name: 'text that says it is deflate', answers: [201], sending: () => one(encoded(Buffer.from(good()), 'deflate')) },
  ...['gzip, gzip', 'zstd', 'compress', 'x'.repeat(1_000)].map(
    (encoding): Input => ({
      name: `Content-Encoding: ${encoding.length > 50 ? '1,000 characters' : encoding}`,
      answers: [415],
      sending: () => one(encoded(gzipSync(good()), encoding)),
    }),
  ),
];

function damaged(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  copy[copy.length - 6] = (copy[copy.length - 6] ?? 0) ^ 0xff;
  return copy;
}

const smuggled = 'POST /beacon HTTP/1.1\r\nHost: x\r\n\r\n';

const framing: readonly Input[] = [
  {
    name: 'a length and chunks',
    answers: [400],
    sending: () =>
      one(request(line, [host, token, 'Content-Length: 5', 'Transfer-Encoding: chunked'], `0\r\n\r\n${smuggled}`)),
  },
  {
    name: 'two lengths',
    answers: [400],
    sending: () => one(request(line, [host, token, 'Content-Length: 5', 'Content-Length: 6'], 'hello')),
  },
  ...['xchunked', 'chunked, identity', 'identity', ' chunked\u000b', 'chunked\r\nTransfer-Encoding: x'].map(
    (encoding): Input => ({
      name: `Transfer-Encoding: ${encoding.replace('\r\n', ' and ').replace('\u000b', '\\v')}`,
      answers: [400],
      sending: () => one(request(line, [host, token, `Transfer-Encoding: ${encoding}`], `0\r\n\r\n`), { end: true }),
    }),
  ),
  {
    name: 'a header folded over two lines',
    answers: [400],
    sending: () => one(request(line, [host, token, 'X: a\r\n b', length('')])),
  },
  {
    name: 'a header with a blank before its colon',
    answers: [400],
    sending: () => one(request(line, [host, 'Content-Length : 0'])),
  },
  { name: 'a header without a name', answers: [400], sending: () => one(request(line, [host, ': x'])) },
  { name: 'a zero byte in a header', answers: [400], sending: () => one(request(line, [host, 'X: a\u0000b'])) },
  {
    name: 'lines that end in LF alone',
    answers: [400],
    sending: () => one(`${line}\nHost: x\n${token}\nContent-Length: 0\n\n`),
  },
  { name: 'no Host', answers: [400], sending: () => one(request(line, [token, length('')])) },
  {
    name: 'two Hosts',
    answers: [400],
    sending: () => one(request(line, [host, 'Host: evil.example', token, length('')])),
  },
  {
    name: '2,500 headers',
    // Node 20 leaves out those past 2,000, the token's among them; later ones refuse them.
    answers: [Number.parseInt(process.versions.node, 10) >= 22 ? 431 : 401],
    sending: () => one(request(line, [host, ...Array.from({ length: 2_500 }, (_, i) => `X${i}: 1`)])),
  },
  {
    name: 'cookies of 20 KB',
    answers: [201],
    taken: 1,
    sending: () => one(beacon(good(), [`Cookie: ${filled('a=b; ', 20_000)}`])),
  },
  { name: 'a header of 40 KB', answers: [431], sending: () => one(request(line, [host, `X: ${filled('x', 40_000)}`])) },
  {
    name: 'an address of 1 MB',
    answers: [431],
    sending: () => one(request(`POST /beacon?token=${filled('x', 1 << 20)} HTTP/1.1`, [host])),
  },
  { name: 'a method that is none', answers: [400], sending: () => one(request('PWN /beacon HTTP/1.1', [host])) },
  { name: 'HTTP/2 without asking', answers: [400], sending: () => one('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n') },
  { name: 'HTTP/9.9', answers: [400], sending: () => one(request('POST /beacon HTTP/9.9', [host])) },
  {
    name: 'a TLS greeting',
    answers: [400],
    sending: () => one(Buffer.from('16030100c8010000c40303'.padEnd(400, '0'), 'hex')),
  },
  {
    name: '64 KB of random bytes',
    answers: [400],
    sending: () => one(Buffer.from(Array.from({ length: 65_536 }, (_, i) => ((i * 7919 + 13) % 251) | 0x80))),
  },
  { name: 'CONNECT', answers: [], sending: () => one(request('CONNECT 169.254.169.254:80 HTTP/1.1', [host])) },
  { name: 'TRACE', answers: [405], sending: () => one(request('TRACE /beacon HTTP/1.1', [host, token])) },
  {
    name: 'an upgrade to WebSocket',
    answers: [405],
    sending: () => one(request('GET /beacon HTTP/1.1', [host, 'Connection: Upgrade', 'Upgrade: websocket'])),
  },
  {
    name: 'Expect: something else',
    answers: [417],
    sending: () => one(request(line, [host, token, 'Expect: 200-ok', length('')])),
  },
  {
    name: 'Expect: 100-continue and no token',
    answers: [100, 401],
    sending: () => one(request(line, [host, 'Expect: 100-continue', length('')])),
  },
  {
    name: '1,000 requests in one piece',
    answers: [...Array(16).fill(422), 400],
    sending: () => one(Buffer.concat(Array(1_000).fill(beacon('{}'))), { answers: 1_000 }),
  },
];

const addresses: readonly Input[] = [
  ...['//beacon', '/beacon/'].map(
    (path): Input => ({
      name: `POST ${path}`,
      answers: [422],
      sending: () => one(request(`POST ${path} HTTP/1.1`, [host, token, length('')])),
    }),
  ),
  ...[
    '/admin/../beacon',
    '/beacon%00',
    '/BEACON',
    '/%2e%2e/%2e%2e/etc/passwd',
    '/__proto__',
    '/constructor',
    '*',
    '/beacon;x=1',
  ].map(
    (path): Input => ({
      name: `POST ${path}`,
      answers: [404],
      sending: () => one(request(`POST ${path} HTTP/1.1`, [host, token, length('')])),
    }),
  ),
  {
    name: 'an address of another host',
    answers: [422],
    sending: () => one(request('POST http://evil.example/beacon HTTP/1.1', [host, token, length('')])),
  },
  {
    name: '?token=%',
    answers: [401],
    sending: () => one(request('POST /beacon?token=% HTTP/1.1', [host, length('')])),
  },
  {
    name: '?token=wrong&token=right',
    answers: [401],
    sending: () => one(request('POST /beacon?token=x&token=demo-token HTTP/1.1', [host, length('')])),
  },
  {
    name: 'a token of 15 KB',
    answers: [401],
    sending: () => one(request(line, [host, `X-Storefront-Access-Token: ${filled('x', 15_000)}`, length('')])),
  },
  {
    name: 'the digest of a token for the token',
    answers: [401],
    sending: () => one(request(line, [host, `X-Storefront-Access-Token: sha256:${'a'.repeat(64)}`, length('')])),
  },
  {
    name: 'Host: evil@x, and a script',
    answers: [404],
    sending: () => one(request('GET /<script> HTTP/1.1', ['Host: evil@x"><script>'])),
  },
  {
    name: 'a foreign page, as text to spare the preflight',
    answers: [403],
    sending: () => one(beacon(good(), ['Origin: https://evil.example', 'Content-Type: text/plain'])),
  },
  {
    name: 'a page without an origin of its own',
    answers: [403],
    sending: () => one(beacon(good(), ['Origin: null', 'Content-Type: text/plain'])),
  },
  {
    name: 'two origins',
    answers: [403],
    sending: () => one(beacon(good(), ['Origin: https://shop.example.com, https://evil.example'])),
  },
  {
    name: 'an origin that only begins like the right one',
    answers: [403],
    sending: () => one(beacon(good(), ['Origin: https://shop.example.com.evil.example'])),
  },
];

/** By the abuse they stand for. What needs most memory is last, since memory that a process has once had hides what it needs later. */
export const inputs: Readonly<Record<string, readonly Input[]>> = {
  'values that are none': values,
  'bytes between two requests': [...framing, ...bent],
  'addresses, tokens and origins': [...addresses, ...addressed],
  'contracts held wrong': contracts,
  'JSON to choke on': json,
  'too much': bodies,
  'compressed bombs': [...compressed, ...squeezed],
};
