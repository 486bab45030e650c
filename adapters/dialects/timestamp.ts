/** Milliseconds since 1970 of a time as the wire schemas take it; undefined for anything else. Text without a zone is read in the process's zone, UTC. */
export function milliseconds(value: unknown): number | undefined {
  const parsed = typeof value === 'string' ? Date.parse(value) : value;
  // Beyond this, Date has no days left.
  return typeof parsed === 'number' && Math.abs(parsed) <= 8.64e15 ? parsed : undefined;
}

/** ISO 8601 in UTC. */
export const iso = (ms: number): string => new Date(ms).toISOString();
