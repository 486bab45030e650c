import type { LogRecord, Tally } from './log.ts';

export const NOTHING: Tally = { received: 0, appended: 0, duplicate: 0, quarantined: {} };

/** The tally after one more record, of which `appended` events were new. Keeps received = appended + duplicate + quarantined. */
export function counted(tally: Tally, { events, refused, released = [] }: LogRecord, appended: number): Tally {
  const quarantined = { ...tally.quarantined };
  for (const { code } of refused) quarantined[code] = (quarantined[code] ?? 0) + 1;
  for (const { code } of released) quarantined[code] = (quarantined[code] ?? 0) - 1;
  return {
    received: tally.received + events.length + refused.length - released.length,
    appended: tally.appended + appended,
    duplicate: tally.duplicate + events.length - appended,
    quarantined: refused.length + released.length > 0 ? quarantined : tally.quarantined,
  };
}
