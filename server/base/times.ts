const ISO = /^(\d{4}-\d\d-\d\d)(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d))?$/;
const AGE = /^(\d{1,9})\s?(s|m|h|d|w)$/;
const DAY_MS = 86_400_000;
const UNIT_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: DAY_MS, w: 7 * DAY_MS };

/**
 * Converts a moment as people write it to ISO 8601 in UTC: a day (its beginning), a time with a zone, an age (2h), or now, today, yesterday.
 * Undefined for anything else. `now`: milliseconds since 1970.
 */
export function timeOf(text: string, now: number): string | undefined {
  const [, count, unit = ''] = AGE.exec(text) ?? [];
  if (count !== undefined) return isoOf(now - Number(count) * (UNIT_MS[unit] ?? 0));
  if (text === 'now') return isoOf(now);
  if (text === 'today') return isoOf(beginOfDay(now));
  if (text === 'yesterday') return isoOf(beginOfDay(now) - DAY_MS);
  const day = ISO.exec(text)?.[1];
  if (day === undefined || Number.isNaN(Date.parse(text))) return undefined;
  // Date would read 31 February as 3 March.
  return isoOf(Date.parse(`${day}T00:00:00Z`))?.startsWith(day) ? isoOf(Date.parse(text)) : undefined;
}

const beginOfDay = (at: number): number => Math.floor(at / DAY_MS) * DAY_MS;

/** Undefined outside the years 1970 to 9999. */
function isoOf(at: number): string | undefined {
  const date = new Date(at);
  return at >= 0 && !Number.isNaN(date.getTime()) ? date.toISOString() : undefined;
}
