import type { Context } from './dialect.ts';
import { iso } from './timestamp.ts';
import { withoutUndefined } from './values.ts';

/** The fields of an event that the gateway knows better than its client. */
export const enriched = (context: Context) => ({
  shop: context.shop,
  received_at: iso(context.receivedAt),
  trust: context.trust,
  ...withoutUndefined({
    geo_country: context.geo?.country,
    geo_state: context.geo?.state,
    geo_city: context.geo?.city,
    device_type: context.agent?.device,
    browser: context.agent?.browser,
    os: context.agent?.os,
    is_bot: context.agent?.bot,
  }),
});
