import type { Event } from '../../schemas/event.ts';
import type { Position } from './log.ts';
import type { DeadLetter, DeadLetterLimit } from './state/dead-letters.ts';

/** Most dead letters of one pipeline that are removed in one commit and in one call. */
export const LET_GO_AT_ONCE = 100;
export const LET_GO_A_CALL = 1000;

/** Limits of open dead letters, from the store's options. */
export interface LetterLimits {
  readonly deadLettersMax: number;
  readonly deadLetterMs: number;
  readonly now: () => number;
}

export const NONE_LET_GO: Readonly<Record<DeadLetterLimit, number>> = { count: 0, age: 0 };

/** A dead letter that a limit has removed: only what a receipt needs. The log has its event until retention removes it. */
export function letGo(letter: DeadLetter, limit: DeadLetterLimit, at: number): DeadLetter {
  const { event, attempts, reason: status } = letter;
  return { ...letter, event: headOf(event), ended: { kind: limit, at, attempts, status } };
}

/** Only the fields that every event has. */
const headOf = (event: Event): Event => ({
  event_id: event.event_id,
  id_source: event.id_source,
  event_type: event.event_type,
  name: event.name,
  dialect: event.dialect,
  shop: event.shop,
  timestamp: event.timestamp,
  timestamp_source: event.timestamp_source,
  received_at: event.received_at,
  trust: event.trust,
});

/** A dead letter to remove, and the limit. */
export interface Going {
  readonly letter: DeadLetter;
  readonly limit: DeadLetterLimit;
}

/** Which of these open letters to remove: those up to a position, because there are too many, and those that are too old. Never a marked one. */
export function lettersToGo(
  letters: readonly DeadLetter[],
  upTo: Position,
  { deadLetterMs, now }: LetterLimits,
): Going[] {
  const before = now() - deadLetterMs;
  return letters.flatMap((letter): Going[] => {
    if (letter.redrive) return [];
    if (letter.at < before) return [{ letter, limit: 'age' }];
    return letter.position <= upTo ? [{ letter, limit: 'count' }] : [];
  });
}
