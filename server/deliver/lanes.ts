import type { Event } from '../../schemas/event.ts';

/** Which lane of so many an event takes: all events of a shopper take the same one, so that their order is kept. */
export function laneOf({ session_id, event_id }: Event, lanes: number): number {
  if (lanes === 1) return 0;
  let hash = 0x811c9dc5;
  for (const char of session_id ?? event_id) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x01000193);
  return (hash >>> 0) % lanes;
}
