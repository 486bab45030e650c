import { Writable } from 'node:stream';
import { createLogger } from '../../../server/base/logger.ts';
import { gloodHeaders, host, request, token } from '../../hostile/wire.ts';
import { layersEvent, SHOP } from '../../support/gateway.ts';

export const SECRET = 'tok-secret-never-shown';

/** A logger, and what it has logged. */
export function loggingRefusals() {
  let text = '';
  const stream = new Writable({
    write: (chunk, _, done) => {
      text += String(chunk);
      done();
    },
  });
  const lines = () =>
    text
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter(({ msg }) => msg === 'requests were refused');
  return { logger: createLogger('debug', stream), text: () => text, lines };
}

const event = () => JSON.stringify({ events: [layersEvent()] });
export const post = (headers: readonly string[], body = event(), path = '/beacon') =>
  request(`POST ${path} HTTP/1.1`, [host, ...headers, `Content-Length: ${Buffer.byteLength(body)}`], body);
const evil = 'Origin: https://evil.example';
const glood = '/api/storefront/v3/headless/events';

/** A request, and how it is refused. */
export interface RefusedCase {
  readonly name: string;
  readonly bytes: Buffer;
  readonly status: number;
  readonly reason: string;
  readonly dialect?: string;
  readonly shop?: string;
  readonly origin?: string;
  /** Its line is the one of what is in quarantine, which has no status. */
  readonly kept?: boolean;
}

export const refusedRequests: readonly RefusedCase[] = [
  { name: 'without a token', bytes: post([]), status: 401, reason: 'token_missing', dialect: 'layers' },
  {
    name: 'with an unknown token',
    bytes: post([`X-Storefront-Access-Token: ${SECRET}`, evil]),
    status: 401,
    reason: 'token_unknown',
    dialect: 'layers',
    origin: 'https://evil.example',
  },
  {
    name: 'with an unknown token in its address',
    bytes: post([], event(), `/beacon?token=${SECRET}`),
    status: 401,
    reason: 'token_unknown',
    dialect: 'layers',
  },
  {
    name: 'of Glood with an unknown token, that names a shop',
    bytes: post([`Authorization: Bearer ${SECRET}`, `X-Shop: ${SHOP}`], '{}', glood),
    status: 401,
    reason: 'token_unknown',
    dialect: 'glood',
    shop: SHOP,
  },
  {
    name: 'of Glood that names a shop which there is not',
    bytes: post([`Authorization: Bearer ${SECRET}`, `X-Shop: ${SECRET}.example.com`], '{}', glood),
    status: 401,
    reason: 'token_unknown',
    dialect: 'glood',
  },
  {
    name: 'of a foreign page',
    bytes: post([token, evil]),
    status: 403,
    reason: 'origin',
    dialect: 'layers',
    shop: SHOP,
    origin: 'https://evil.example',
  },
  {
    name: 'that is the preflight of a foreign page',
    bytes: request('OPTIONS /beacon?token=demo-token HTTP/1.1', [host, evil, 'Access-Control-Request-Method: POST']),
    status: 403,
    reason: 'origin',
    dialect: 'layers',
    shop: SHOP,
    origin: 'https://evil.example',
  },
  {
    name: 'for another shop',
    bytes: post(['Authorization: Bearer demo-token', 'X-Shop: another.example.com'], '{}', glood),
    status: 403,
    reason: 'shop',
    dialect: 'glood',
    shop: SHOP,
  },
  {
    name: 'of another type',
    bytes: post([token, 'Content-Type: text/html']),
    status: 415,
    reason: 'content_type',
    dialect: 'layers',
    shop: SHOP,
  },
  {
    name: 'in an unknown encoding',
    bytes: post([token, 'Content-Encoding: zstd']),
    status: 415,
    reason: 'content_encoding',
    dialect: 'layers',
    shop: SHOP,
  },
  {
    name: 'in an unknown charset',
    bytes: post([token, 'Content-Type: application/json; charset=nope']),
    status: 415,
    reason: 'charset',
    dialect: 'layers',
    shop: SHOP,
  },
  {
    name: 'that cannot be decompressed',
    bytes: post([token, 'Content-Encoding: br']),
    status: 400,
    reason: 'not_decompressed',
    dialect: 'layers',
    shop: SHOP,
  },
  {
    name: 'that is too large',
    bytes: post([token], 'x'.repeat(5_000)),
    status: 413,
    reason: 'too_large',
    dialect: 'layers',
    shop: SHOP,
  },
  {
    name: 'that is no JSON',
    bytes: post([token], 'no JSON'),
    status: 422,
    reason: 'not_json',
    dialect: 'layers',
    shop: SHOP,
    kept: true,
  },
  {
    name: 'of Glood that is no event',
    bytes: post(gloodHeaders, '{"event":{"id":"x"},"session_id":"s"}', glood),
    status: 400,
    reason: 'invalid',
    dialect: 'glood',
    shop: SHOP,
    kept: true,
  },
  {
    name: 'that is an init without its shop',
    bytes: post(['Authorization: Bearer demo-token'], '{}', '/api/storefront/v3/headless/init'),
    status: 400,
    reason: 'invalid',
    dialect: 'glood',
    shop: SHOP,
  },
  {
    name: 'with another method',
    bytes: request('PUT /beacon HTTP/1.1', [host, token, 'Content-Length: 0']),
    status: 405,
    reason: 'method',
    dialect: 'layers',
    shop: SHOP,
  },
  {
    name: 'that goes nowhere',
    bytes: post([token], event(), `/beacons/${SECRET}`),
    status: 404,
    reason: 'address',
  },
  {
    name: 'with headers beyond all bounds',
    bytes: post([token, `Cookie: ${SECRET}=${'x'.repeat(70_000)}`]),
    status: 431,
    reason: 'headers_too_large',
  },
  { name: 'that is no HTTP', bytes: Buffer.from(`${SECRET}\r\n\r\n`), status: 400, reason: 'no_http' },
  {
    name: 'in an odd framing',
    bytes: post([token, 'Content-Length: 5, 5', 'Transfer-Encoding: gzip, chunked']),
    status: 400,
    reason: 'no_http',
  },
  {
    name: 'with two hosts',
    bytes: post([token, 'Host: another.example.com']),
    status: 400,
    reason: 'framing',
  },
  {
    name: 'without a host',
    bytes: request('POST /beacon HTTP/1.1', [token, 'Content-Length: 0']),
    status: 400,
    reason: 'framing',
  },
  {
    name: 'that expects what nobody knows',
    bytes: post([token, `Expect: ${SECRET}`]),
    status: 417,
    reason: 'expectation',
  },
  {
    name: 'to the root',
    bytes: post([token], event(), '/'),
    status: 405,
    reason: 'address',
  },
  {
    name: 'that stops within its headers',
    bytes: Buffer.from(`POST /beacon HTTP/1.1\r\n${host}\r\nX: ${SECRET}`),
    status: 408,
    reason: 'timeout',
  },
  {
    name: 'that stops within its body',
    bytes: post([token]).subarray(0, -5),
    status: 408,
    reason: 'timeout',
    dialect: 'layers',
    shop: SHOP,
  },
];
