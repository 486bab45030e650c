// attempt  waits     since the first failure
//    1     1 s        1 s
//    2     2 s        3 s
//    3     4 s        7 s
//    4     8 s       15 s
//    5    16 s       31 s
//    6…   30 s       each, so that a destination that is back gets its first delivery within 30 s
// Jitter shortens each wait by up to half, so that pipelines that failed together do not retry together.
const FIRST_MS = 1_000;
const LONGEST_MS = 30_000;
const ASKED_AT_LEAST_MS = 1_000;
const ASKED_AT_MOST_MS = 24 * 3_600_000;

/**
 * Milliseconds to wait after a number of failed attempts in a row (1 or more). A Retry-After of the destination wins, limited to 1 s to
 * 24 h. `random` gives a number from 0 up to 1.
 */
export function waitAfter(attempts: number, retryAfterMs: number | undefined, random: () => number): number {
  if (retryAfterMs !== undefined) return clampRetryAfter(retryAfterMs);
  const full = Math.min(FIRST_MS * 2 ** (attempts - 1), LONGEST_MS);
  return Math.max(ASKED_AT_LEAST_MS, full * (1 - random() / 2));
}

/** A destination's Retry-After in milliseconds, limited to 1 s to 24 h; 1 s without one. */
export const clampRetryAfter = (retryAfterMs = 0): number =>
  Math.min(Math.max(retryAfterMs, ASKED_AT_LEAST_MS), ASKED_AT_MOST_MS);
