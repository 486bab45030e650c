import type { Pipeline } from '../../schemas/config.ts';
import type { Event } from '../../schemas/event.ts';
import { namesMatching } from '../base/patterns.ts';

/** Why a pipeline does not want an event. */
export type FilterReason = 'type' | 'channel' | 'trust' | 'consent_denied' | 'consent_unclear' | 'consent_unknown';

/** What a pipeline wants of events. */
export type Filter = Pick<Pipeline, 'events' | 'channels' | 'consent' | 'whenUnknown'> &
  Partial<Pick<Pipeline, 'trust'>>;

/** Whether a pipeline wants an event: undefined if it does, else the reason why not. */
export type Route = (event: Event) => FilterReason | undefined;

/** The decision of one pipeline, compiled once. Pure. Checks run in the order type, channel, trust, consent; a clear no comes before an unclear one. */
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

/** A reason in full: with what was said of consent where that was not understood. */
export function inFull(
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
