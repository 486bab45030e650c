import type { IncomingMessage } from 'node:http';
import { dialects } from '../../adapters/dialects/index.ts';

/** Request headers that are always allowed: those of the dialects, and of native web views. */
export const ALLOWED_HEADERS = [
  'content-type',
  ...dialects.flatMap(({ browserHeaders = [] }) => browserHeaders),
  'x-requested-with',
];

const MOST_HEADERS = 100;
const MOST_CHARACTERS = 4096;
/** A header name. `*` is excluded: it would allow every header. */
const NAME = /^(?!\*$)[!#$%&'*+.^_`|~0-9a-z-]{1,100}$/;

/** Allows those and the ones that the preflight asks for, since tracing and monitoring tools add headers to each request of a page. */
function grantedHeaders(asked: string): string {
  const names = asked
    .slice(0, MOST_CHARACTERS)
    .split(',', MOST_HEADERS)
    .map((name) => name.trim().toLowerCase())
    .filter((name) => NAME.test(name));
  return [...new Set([...ALLOWED_HEADERS, ...names])].join(',');
}

/** Response headers that pages may read. */
export const EXPOSED_HEADERS = [
  'X-Request-Id',
  'X-Events-Accepted',
  'X-Events-Rejected',
  'X-Events-Duplicate',
  'Retry-After',
] as const;

/** How long a browser may cache a preflight, in seconds: the most that Chromium allows. */
export const MAX_AGE_SECONDS = 7200;

const EXPOSED = EXPOSED_HEADERS.join(',');

/** The headers that let a page of this origin read an answer. */
export const readableBy = (origin: string): Readonly<Record<string, string>> => ({
  'Access-Control-Allow-Origin': origin,
  'Access-Control-Allow-Credentials': 'true',
  'Access-Control-Expose-Headers': EXPOSED,
});

/** Whether this is a CORS preflight. */
export const isPreflight = ({ method, headers }: IncomingMessage): boolean =>
  method === 'OPTIONS' && Boolean(headers['access-control-request-method']) && Boolean(headers.origin);

/** The headers that grant a preflight of this origin. */
export const preflightGrant = (origin: string, { headers }: IncomingMessage): Readonly<Record<string, string>> => ({
  Vary: 'Origin, Access-Control-Request-Headers',
  'Access-Control-Allow-Origin': origin,
  'Access-Control-Allow-Credentials': 'true',
  'Access-Control-Max-Age': String(MAX_AGE_SECONDS),
  // A gateway on a private network serves public pages too.
  ...(headers['access-control-request-private-network'] && { 'Access-Control-Allow-Private-Network': 'true' }),
  'Access-Control-Allow-Methods': 'POST',
  'Access-Control-Allow-Headers': grantedHeaders(String(headers['access-control-request-headers'] ?? '')),
});
