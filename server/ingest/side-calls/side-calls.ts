import type { Dialect } from '../../../adapters/dialects/dialect.ts';
import type { SideCallTools } from '../../../adapters/dialects/side-call.ts';
import type { SideCall } from '../ingest.ts';
import type { Visitors } from './visitors.ts';

export interface SideCallOptions extends Omit<SideCallTools, 'visitorOf'> {
  readonly visitors: Visitors;
  /** Called with faults of the gateway. The client still gets a usable answer: without one its page may not work. */
  readonly onError: (error: unknown) => void;
}

/** The paths of the dialects that take no events, each with its handler. */
export function createSideCalls(
  dialects: readonly Dialect[],
  { visitors, onError, ...tools }: SideCallOptions,
): SideCall[] {
  const given: SideCallTools = {
    ...tools,
    visitorOf: (shop, ids) =>
      visitors.of(shop, ids).catch((error: unknown) => {
        onError(error);
        return { browsed: [], cart: [], purchased: [] };
      }),
  };
  return dialects.flatMap((dialect) =>
    (dialect.sideCalls ?? []).map((call) => ({
      dialect,
      path: call.path,
      answer: async ({ caller, shop, shopNamed, trust }, body) => {
        const request = { inbound: caller.inbound, shop: shop.config, shopNamed, trust, body: body.toString() };
        return { ...(await call.answer(request, given)), headers: {} };
      },
    })),
  );
}
