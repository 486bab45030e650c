import { brotliCompressSync, constants, deflateSync, gzipSync } from 'node:zlib';
import { type Fixture, fixturesOf } from '../../support/examples.ts';
import { seeded } from '../random.ts';
import { type Draw, drawFrom, mutateBytes, mutateText, mutateValue } from './mutate.ts';

/** Two shops, one of which lets in only one origin. */
export const shops = [
  { shop: 'one.myshopify.com', token: 'token-one', origin: undefined },
  { shop: 'two.myshopify.com', token: 'token-two', origin: 'https://two.example.com' },
] as const;

export interface FuzzRequest {
  readonly n: number;
  readonly pieces: readonly Buffer[];
  /** HTTP that a client may mean so: it must be answered. Else the connection may simply end. */
  readonly whole: boolean;
  /** Whether our half ends behind it. */
  readonly end: boolean;
  /** Whose token it shows, unless that was tampered with. */
  readonly shop: string;
  /** The most events that it can bring. */
  readonly most: number;
}

const kinds = [
  { name: 'layers', path: '/beacon' },
  { name: 'glood', path: '/api/storefront/v3/headless/events' },
  { name: 'tapcart', path: '/webhooks/tapcart' },
  { name: 'init', path: '/api/storefront/v3/headless/init' },
] as const;
type Kind = (typeof kinds)[number];

const bodies: Readonly<Record<Kind['name'], readonly Fixture['request'][]>> = {
  layers: requestsOf('layers'),
  glood: requestsOf('glood'),
  tapcart: requestsOf('tapcart'),
  init: [{ body: { user_id: 'u', client_id: 'c', customer_id: '7' } }],
};
const everyBody = Object.values(bodies).flat();

function requestsOf(dialect: string): Fixture['request'][] {
  return fixturesOf(dialect).map(({ request }) => request);
}

/** The n-th request of a seed, always the same. `again`: with ids of its own, so that a repetition is no duplicate. */
export function fuzzRequest(seed: number, n: number, again = ''): FuzzRequest {
  const draw = drawFrom(seeded(Math.imul(seed, 0x9e3779b1) ^ n));
  const kind = draw.of(draw.happens(0.9) ? kinds.slice(0, 3) : kinds.slice(3));
  const shop = draw.of(shops);
  const value = bodyOf(kind, draw, `f${n}${again}`);
  const bytes = bytesOf(value, draw);
  const body = encoded(bytes, draw);
  const { path, headers } = headOf(kind, shop, draw);
  const framed = frame(`${methodOf(draw)} ${path} HTTP/1.1`, [...headers, ...body.headers], body.bytes, draw);
  return { n, ...framed, shop: shop.shop, most: framed.whole ? 100 : mostIn(bytes) };
}

/** A body that is no batch is refused as one. */
function mostIn(bytes: Buffer): number {
  try {
    const { events } = JSON.parse(bytes.toString()) as { events?: unknown };
    return Array.isArray(events) ? Math.max(1, Math.min(100, events.length)) : 1;
  } catch {
    return 1;
  }
}

/** A body of the dialect's fixtures, or of another's, with an id of its own and some changes. */
function bodyOf(kind: Kind, draw: Draw, id: string): unknown {
  const from = draw.happens(0.95) ? bodies[kind.name] : everyBody;
  const body = structuredClone(draw.of(from).body);
  if (typeof body !== 'object' || body === null) return body;
  if (draw.happens(0.9)) nameAfter(body, id);
  const donor = () => draw.of(everyBody).body;
  const changes = draw.happens(0.2) ? 0 : 1 + draw.below(4);
  for (let change = 0; change < changes; change += 1) mutateValue(body as Record<string, unknown>, draw, donor);
  return body;
}

function nameAfter(body: object, id: string): void {
  const { events, event, mp_metadata: metadata } = body as Record<string, unknown>;
  if (Array.isArray(events)) for (const [at, one] of events.entries()) Object.assign(one, { event_id: `${id}-${at}` });
  if (typeof event === 'object' && event !== null) Object.assign(event, { id });
  if (typeof metadata === 'object' && metadata !== null) Object.assign(metadata, { mp_event_id: id });
}

function bytesOf(value: unknown, draw: Draw): Buffer {
  let text = typeof value === 'string' ? value : JSON.stringify(value);
  if (draw.happens(0.03)) text = JSON.stringify(value, null, draw.below(10));
  // Copies of copies grow fast, and what is too large is too large at a megabyte.
  text = text.slice(0, 1 << 20);
  if (draw.happens(0.15)) text = mutateText(text, draw);
  const bytes = draw.happens(0.02) ? Buffer.from(text, draw.of(['utf16le', 'latin1'])) : Buffer.from(text);
  return draw.happens(0.1) ? mutateBytes(bytes, draw) : bytes;
}

const quickly = { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } };

function encoded(bytes: Buffer, draw: Draw): { readonly bytes: Buffer; readonly headers: readonly string[] } {
  if (draw.happens(0.7)) return { bytes, headers: [] };
  // Half of them are hardly too large: what is wrong with those is met when it is too late for a refusal.
  const more = draw.happens(0.5) ? 1 + draw.below(4 << 20) : (240 + draw.below(64)) << 10;
  const bomb = draw.happens(0.03) ? Buffer.concat([bytes, Buffer.alloc(more, 0x20)]) : bytes;
  const [name, packed] = draw.of([
    ['gzip', () => gzipSync(bomb, { level: 1 })],
    ['deflate', () => deflateSync(bomb, { level: 1 })],
    ['br', () => brotliCompressSync(bomb, quickly)],
    ['gzip', () => gzipSync(gzipSync(bomb))],
    ['gzip', () => bytes],
    ['identity', () => bytes],
  ] as const);
  const out = packed();
  const label = draw.happens(0.9)
    ? name
    : draw.of(['gzip', 'br', 'deflate', 'zstd', 'GZIP', 'gzip, br', '', 'x'.repeat(500)]);
  const isBent = draw.happens(bomb === bytes ? 0.15 : 0.5);
  return { bytes: isBent ? mutateBytes(out, draw) : out, headers: [`Content-Encoding: ${label}`] };
}

const methodOf = (draw: Draw): string =>
  draw.happens(0.98) ? 'POST' : draw.of(['GET', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE', 'PROPFIND']);

const odd: readonly string[] = [
  'X-Request-Id: a%0d%0ab',
  `X-Request-Id: ${'x'.repeat(65)}`,
  'X-Request-Id: fine-1',
  'Cookie: token=token-one; a=b',
  `Cookie: ${'c=v; '.repeat(900)}`,
  'X-Forwarded-For: 1.2.3.4, ::1, unknown, 999.9.9.9',
  `X-Forwarded-For: ${'10.0.0.1,'.repeat(900)}`,
  'Forwarded: for="[::1]:80"',
  'X-Requested-With: com.tapcart.x',
  'X-Requested-With: \u00ff\u00fe',
  `User-Agent: ${'('.repeat(9_000)}`,
  `User-Agent: Mozilla/5.0 (${'Android 1; '.repeat(300)})`,
  'User-Agent: \u0080\u00ff',
  'User-Agent: okhttp/4.9',
  'Accept-Language: *',
  'DeviceId: x',
  `DeviceId: ${'d'.repeat(5_000)}`,
  'Expect: 100-continue',
  'Expect: nothing',
  'Connection: close',
  'Connection: Upgrade',
  'Upgrade: h2c',
  'TE: trailers',
  'Range: bytes=0-1',
  'If-None-Match: *',
  'X-HTTP-Method-Override: GET',
  'X-Original-URL: /admin/dead',
  'Content-Type: text/html',
  'CF-IPCountry: \u00ff',
  'Referer: https://x/?token=y',
];
const types = [
  'application/json',
  'application/json; charset=utf-8',
  'text/plain',
  'text/plain;charset=UTF-8',
  'application/json; charset=utf-16',
  'APPLICATION/JSON',
  'text/html',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  '',
  ';',
  'application/json;;;;="',
  'x'.repeat(3_000),
  '\u00ff',
];
const origins = [
  'https://two.example.com',
  'https://TWO.example.com',
  'https://evil.example',
  'null',
  '',
  'https://two.example.com.evil.example',
  'file://',
  '\u00ff',
  'x'.repeat(2_000),
];
const tokens = [
  'token-one',
  'token-two',
  'token-none',
  '',
  'sha256:00',
  'x'.repeat(6_000),
  '\u00e9',
  'token-one, token-two',
  '__proto__',
];
const names = [
  'one.myshopify.com',
  'two.myshopify.com',
  'ONE.myshopify.com',
  'https://one.myshopify.com/x',
  'https://one.myshopify.com@evil.example',
  'none.example',
  '[::1',
  '%',
  '',
  'x'.repeat(2_000),
  '\u00ff',
];
const queries = [
  'verbose=1',
  'verbose=0',
  'token=token-one',
  'token=token-two',
  'token=%',
  'token[]=x',
  '&&&',
  'a=b&'.repeat(500),
  '__proto__=1',
  'token=token-one&token=token-two',
  '%00',
  '\u00ff',
  '#x',
];
// None of the admin API: guesses lock this machine out of it for a minute, and the books are read there.
const paths = [
  '/beacon/',
  '//beacon',
  '/beacon%2f',
  '/BEACON',
  '/beacon;x',
  '*',
  'http://x/beacon',
  'http://[x/beacon',
  'http://%@x/',
  '/../beacon',
  '/%',
  '/administrator',
  '/metrics/x?y',
  '/',
  '/__proto__',
  `/${'a'.repeat(3_000)}`,
];

function headOf(kind: Kind, shop: (typeof shops)[number], draw: Draw) {
  const token = draw.happens(0.95) ? shop.token : draw.of(tokens);
  const bearer = kind.name === 'glood' || kind.name === 'init' || (kind.name === 'tapcart' && draw.happens(0.5));
  const query = [
    ...(draw.happens(0.6) ? ['verbose=1'] : []),
    ...(kind.name === 'tapcart' && !bearer ? [`token=${encodeURIComponent(token)}`] : []),
    ...(draw.happens(0.05) ? [draw.of(queries)] : []),
  ];
  const path = draw.happens(0.97) ? kind.path : draw.of(paths);
  const headers = [
    'Host: gateway.example.com',
    ...(bearer
      ? [`Authorization: ${draw.happens(0.97) ? 'Bearer' : draw.of(['bearer', 'Basic', '', 'Bearer Bearer'])} ${token}`]
      : []),
    ...(kind.name === 'layers' ? [`X-Storefront-Access-Token: ${token}`] : []),
    ...(bearer && draw.happens(0.9) ? [`X-Shop: ${draw.happens(0.95) ? shop.shop : draw.of(names)}`] : []),
    ...(draw.happens(0.8) ? [`Content-Type: ${draw.happens(0.9) ? 'application/json' : draw.of(types)}`] : []),
    ...(draw.happens(0.2)
      ? [`Origin: ${draw.happens(0.7) ? (shop.origin ?? 'https://x.example') : draw.of(origins)}`]
      : []),
    ...(draw.happens(0.15) ? Array.from({ length: 1 + draw.below(3) }, () => draw.of(odd)) : []),
  ];
  return { path: query.length > 0 ? `${path}?${query.join('&')}` : path, headers };
}

type Framed = Pick<FuzzRequest, 'pieces' | 'whole' | 'end'>;

function frame(line: string, headers: readonly string[], body: Buffer, draw: Draw): Framed {
  const head = (more: readonly string[]) =>
    Buffer.from(`${[line, ...headers, ...more].join('\r\n')}\r\n\r\n`, 'latin1');
  const stated = (bytes: number) => head([`Content-Length: ${bytes}`]);
  const whole = (...pieces: Buffer[]): Framed => ({ pieces, whole: true, end: false });
  const broken = (...pieces: Buffer[]): Framed => ({ pieces, whole: false, end: true });
  const drawn = draw.below(100);
  if (drawn < 72) return whole(Buffer.concat([stated(body.length), body]));
  if (drawn < 78) return whole(stated(body.length), ...cut(body, draw));
  if (drawn < 90)
    return whole(
      Buffer.concat([head(['Transfer-Encoding: chunked']), ...chunksOf(body, draw), Buffer.from('0\r\n\r\n')]),
    );
  if (drawn < 92) return broken(stated(body.length), body.subarray(0, draw.below(body.length + 1)));
  if (drawn < 94) return broken(stated(draw.below(body.length * 2 + 2)), body);
  if (drawn < 96)
    return broken(head(['Transfer-Encoding: chunked']), mutateBytes(Buffer.concat(chunksOf(body, draw)), draw));
  if (drawn < 97)
    return broken(Buffer.concat([head(['Transfer-Encoding: chunked', `Content-Length: ${body.length}`]), body]));
  return broken(mutateBytes(stated(body.length), draw), body);
}

/** In a few pieces. */
function cut(body: Buffer, draw: Draw): Buffer[] {
  const at = draw.below(body.length + 1);
  return [body.subarray(0, at), body.subarray(at)];
}

function chunksOf(body: Buffer, draw: Draw): Buffer[] {
  const size = Math.max(1 + draw.below(500), Math.ceil(body.length / 200));
  const chunks: Buffer[] = [];
  for (let at = 0; at < body.length; at += size) {
    const chunk = body.subarray(at, at + size);
    chunks.push(
      Buffer.from(`${chunk.length.toString(16)}${draw.happens(0.02) ? ';ext=1' : ''}\r\n`),
      chunk,
      Buffer.from('\r\n'),
    );
  }
  return chunks;
}
