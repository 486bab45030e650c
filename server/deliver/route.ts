import type { Pipeline } from '../../schemas/config.ts';
import type { Event } from '../../schemas/event.ts';
import { namesMatching } from '../base/patterns.ts';

/** Why a pipeline does not want an event. */
export type FilterReason = 'type' | 'channel' | 'trust' | 'consent_denied' | 'consent_unclear' | 'consent_unknown';

/** Which events a pipeline wants. */
export type Filter = Pick<Pipeline, 'events' | 'channels' | 'consent' | 'whenUnknown'> &
  Partial<Pick<Pipeline, 'trust'>>;

/** Undefined if a pipeline wants an event, otherwise why it does not. */
export type Route = (event: Event) => FilterReason | undefined;

/** One pipeline's filter, compiled once. Checks run in the order type, channel, trust, consent; a clear refusal wins over an unclear value. */
export function router({ events, channels, trust, consent, whenUnknown }: Filter): Route {
  const wanted = namesMatching(events);
  return (event) => {
    if (!wanted(event.event_type) && !wanted(event.name)) return 'type';
    if (channels && !channels.some((channel) => channel === event.shopping_channel)) return 'channel';
    if (trust === 'server' && event.trust !== 'server') return 'trust';
    const denied = consent.filter((purpose) => event.consent?.[purpose] === false);
    if (denied.length > 0)
      return denied.every((purpose) => event.consent_unclear?.[purpose] !== undefined)
        ? 'consent_unclear'
        : 'consent_denied';
    if (whenUnknown === 'filter' && consent.some((purpose) => event.consent?.[purpose] === undefined))
      return 'consent_unknown';
    return undefined;
  };
}

/** A reason for a receipt: for unclear consent with the values that were not understood. */
export function reasonInFull(
  reason: FilterReason,
  { consent_unclear = {} }: Event,
  { consent }: Pick<Filter, 'consent'>,
): string {
  if (reason !== 'consent_unclear') return reason;
  const said = consent.flatMap((purpose) => {
    const value = consent_unclear[purpose];
    return value === undefined ? [] : [`${purpose}: ${JSON.stringify(value)}`];
  });
  return `${reason} (${said.join(', ')})`;
}

/** The lane of an event, from 0: all events of a shopper take the same one, so that their order is kept. */
export function laneOf({ session_id, event_id }: Event, lanes: number): number {
  if (lanes === 1) return 0;
  let hash = 0x811c9dc5;
  for (const char of session_id ?? event_id) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x01000193);
  return (hash >>> 0) % lanes;
}
