// attempt  waits     since the first failure
//    1     1 s        1 s
//    2     2 s        3 s
//    3     4 s        7 s
//    4     8 s       15 s
//    5    16 s       31 s
//    6…   30 s       each, so that a destination that comes back has its first delivery within 30 s
// Jitter takes up to a half off, so that pipelines that failed together do not come back together.
const FIRST_MS = 1_000;
const LONGEST_MS = 30_000;
const ASKED_AT_LEAST_MS = 1_000;
const ASKED_AT_MOST_MS = 24 * 3_600_000;

/**
 * Milliseconds to wait after so many failed attempts (1 is the first). What the destination asked for (Retry-After) wins,
 * held between 1 s and 24 h. `random` gives a number from 0 up to 1.
 */
export function waitAfter(attempts: number, retryAfterMs: number | undefined, random: () => number): number {
  if (retryAfterMs !== undefined) return clampRetryAfter(retryAfterMs);
  const full = Math.min(FIRST_MS * 2 ** (attempts - 1), LONGEST_MS);
  return Math.max(ASKED_AT_LEAST_MS, full * (1 - random() / 2));
}

/** What the destination asked to wait, held between 1 s and 24 h; 1 s if it asked for nothing. */
export const clampRetryAfter = (retryAfterMs = 0): number =>
  Math.min(Math.max(retryAfterMs, ASKED_AT_LEAST_MS), ASKED_AT_MOST_MS);
