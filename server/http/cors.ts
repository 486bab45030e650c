import { dialects } from '../../adapters/dialects/index.ts';

/** What browsers may send in any case: the headers of the dialects, and those of native web views. */
export const ALLOWED_HEADERS = [
  'content-type',
  ...dialects.flatMap(({ browserHeaders = [] }) => browserHeaders),
  'x-requested-with',
];

const MOST_HEADERS = 100;
const MOST_CHARACTERS = 4096;
/** A header's name, and not the `*` that would stand for all of them. */
const NAME = /^(?!\*$)[!#$%&'*+.^_`|~0-9a-z-]{1,100}$/;

/** What a preflight is granted: those, and what it asks for. The tools of a page (tracing, monitoring) add headers to each of its requests. */
export function grantedHeaders(asked: string): string {
  const names = asked
    .slice(0, MOST_CHARACTERS)
    .split(',', MOST_HEADERS)
    .map((name) => name.trim().toLowerCase())
    .filter((name) => NAME.test(name));
  return [...new Set([...ALLOWED_HEADERS, ...names])].join(',');
}

/** What pages may read of an answer. */
export const EXPOSED_HEADERS = [
  'X-Request-Id',
  'X-Events-Accepted',
  'X-Events-Rejected',
  'X-Events-Duplicate',
  'Retry-After',
] as const;

/** How long a browser may remember a preflight, in seconds: what Chromium allows at most. */
export const MAX_AGE_SECONDS = 7200;

const EXPOSED = EXPOSED_HEADERS.join(',');

/** The headers that @koa/cors gives to an answer that a page of this origin may read, for answers given before Koa. */
export const corsHeaders = (origin: string): Readonly<Record<string, string>> => ({
  'Access-Control-Allow-Origin': origin,
  'Access-Control-Allow-Credentials': 'true',
  'Access-Control-Expose-Headers': EXPOSED,
});
