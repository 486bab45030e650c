/** What a call accepts as a time, in words. server/base/times.ts reads it. */
export const TIME_EXPECTED =
  'a day such as 2026-06-01, a time with its zone such as 2026-06-01T12:00:00Z, an age such as 30m, 2h or 7d, or now, today or yesterday (UTC)';
