import { hash } from 'node:crypto';
import type { Quarantined, QuarantinedHead } from './state/quarantine.ts';

const BEGINNING = 200;
const MOST_REASONS = 10;
const REASON_LENGTH = 300;
const ID_LENGTH = 500;
const NAME_LENGTH = 200;

/** The head of a quarantined event, for lists and searches. Its size is bounded, whatever was sent. */
export function headOf({ raw, context: _, ...entry }: Quarantined): QuarantinedHead {
  return {
    ...entry,
    reasons: reasonsOf(entry.reasons),
    ...(entry.eventId !== undefined && { eventId: entry.eventId.slice(0, ID_LENGTH) }),
    ...(entry.name !== undefined && { name: entry.name.slice(0, NAME_LENGTH) }),
    bytes: Buffer.byteLength(raw),
    beginning: raw.slice(0, BEGINNING),
  };
}

function reasonsOf(reasons: readonly string[]): string[] {
  const first = reasons.slice(0, MOST_REASONS).map((reason) => reason.slice(0, REASON_LENGTH));
  const more = reasons.length - first.length;
  return more > 0 ? [...first, `and ${more} more`] : first;
}

/** The index key of an event id: 128 bits as hex digits. Only the beginning of a very long id counts, as in heads. */
export const indexed = (eventId: string): string => hash('sha256', eventId.slice(0, ID_LENGTH)).slice(0, 32);

/** The number that an entry's id stands for, if any. */
export const numberOf = (id: string): number | undefined => (/^[1-9]\d{0,14}$/.test(id) ? Number(id) : undefined);
