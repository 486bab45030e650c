/** Milliseconds since 1970 of a time as the wire schemas take it; undefined for anything else. Text without a zone is read in the process's zone, UTC. */
export function milliseconds(value: unknown): number | undefined {
  const parsed = typeof value === 'string' ? Date.parse(value) : value;
  // Beyond this, Date has no days left.
  return typeof parsed === 'number' && Math.abs(parsed) <= 8.64e15 ? parsed : undefined;
}

/** ISO 8601 in UTC. */
export const iso = (ms: number): string => new Date(ms).toISOString();

const WRITTEN = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z$/;

/** A time as the wire schemas take it, in ISO 8601 and UTC. Most come so already, and need not be taken apart and put together again. */
export function utc(value: unknown): string | undefined {
  const ms = milliseconds(value);
  if (ms === undefined) return undefined;
  if (typeof value !== 'string' || !WRITTEN.test(value)) return iso(ms);
  const whole = value.length === 24 ? value : `${value.slice(0, 19)}.000Z`;
  // The last day of February may be written as the thirtieth; what JavaScript makes of that is what the model says.
  return Number(value.slice(8, 10)) > 28 || value.startsWith('24', 11) ? iso(ms) : whole;
}
