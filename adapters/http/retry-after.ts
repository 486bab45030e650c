const second = 1_000;
const day = 24 * 3_600 * second;

/**
 * How long a Retry-After header asks to wait, in milliseconds, held between 1 s and 24 h; undefined if there is none or it cannot
 * be read. Both forms of RFC 9110: seconds, or an HTTP date, which is compared with `now` (milliseconds since 1970).
 */
export function retryAfterMs(header: string | null | undefined, now: number): number | undefined {
  const value = header?.trim() ?? '';
  const asked = /^\d+$/.test(value) ? Number(value) * second : dateMs(value) - now;
  return Number.isNaN(asked) ? undefined : Math.min(Math.max(asked, second), day);
}

// "Sun, 06 Nov 1994 08:49:37 GMT", and the two older forms, of which one does not say that it is in GMT.
function dateMs(value: string): number {
  if (!/^[A-Z][a-z]{2,8},? /.test(value)) return Number.NaN;
  return Date.parse(value.endsWith('GMT') ? value : `${value} GMT`);
}
