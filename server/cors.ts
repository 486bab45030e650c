/** What browsers may send: the Layers SDK's own headers, Glood's, and those of native web views. */
export const ALLOWED_HEADERS = [
  'content-type',
  'x-storefront-access-token',
  'x-sdk-client',
  'authorization',
  'x-shop',
  'x-requested-with',
] as const;

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
