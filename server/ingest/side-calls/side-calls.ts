import type { Dialect } from '../../../adapters/dialects/dialect.ts';
import type { SideCallTools } from '../../../adapters/dialects/side-call.ts';
import type { SideCall } from '../ingest.ts';
import type { Visitors } from './visitors.ts';

export interface SideCallOptions extends Omit<SideCallTools, 'visitorOf'> {
  readonly visitors: Visitors;
  /** Called with errors that are ours. The client is answered all the same: without this call it can do nothing. */
  readonly onError: (error: unknown) => void;
}

/** The paths of the dialects that bring no events, each with what answers it. */
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
