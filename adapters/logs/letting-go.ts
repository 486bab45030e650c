import type { Event } from '../../schemas/event.ts';
import type { Position } from './log.ts';
import type { DeadLetter, DeadLetterLimit } from './state/dead-letters.ts';

/** Dead letters of one pipeline that go in one commit, and in one call. */
export const LET_GO_AT_ONCE = 100;
export const LET_GO_A_CALL = 1000;

/** How long and how many dead letters are kept open, by the store's options. */
export interface LetterLimits {
  readonly deadLettersMax: number;
  readonly deadLetterMs: number;
  readonly now: () => number;
}

export const NONE_LET_GO: Readonly<Record<DeadLetterLimit, number>> = { count: 0, age: 0 };

/** A letter that a limit has let go: what a receipt needs of it. The log has its event as long as retention holds. */
export function letGo(letter: DeadLetter, limit: DeadLetterLimit, at: number): DeadLetter {
  const { event, attempts, reason: status } = letter;
  return { ...letter, event: headOf(event), ended: { kind: limit, at, attempts, status } };
}

/** Only what every event has. */
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

/** A letter that goes, and why. */
export interface Going {
  readonly letter: DeadLetter;
  readonly limit: DeadLetterLimit;
}

/** Which of some open letters go: those up to a position, which are too many, and those that died too long ago. None that is marked. */
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
