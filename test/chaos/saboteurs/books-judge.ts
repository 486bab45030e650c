import type { Balance } from '../../../schemas/admin-api/balance.ts';
import type { QuarantinedHeadView } from '../../../schemas/admin-api/quarantine.ts';
import { type Finding, none } from '../findings.ts';
import { judge } from '../judge.ts';
import type { Arrival } from '../sink.ts';
import { destinationOf } from '../targets.ts';
import type { BooksPlan } from './books-plan.ts';

/** What became of one shop's events. Pure, as all of these. */
export function delivered(plan: BooksPlan, arrivals: readonly Arrival[]): readonly Finding[] {
  const destination = destinationOf(plan);
  const here = arrivals.filter((arrival) => arrival.destination === destination);
  const sent = new Map(plan.first.flatMap(({ marks }) => marks.map((mark) => [mark.id, mark])));
  return judge({
    routes: [{ shop: plan.shop, destination }],
    sent,
    acked: new Set(sent.keys()),
    refused: new Set(),
    received: here.filter((arrival) => 'id' in arrival),
    unreadable: here.flatMap((arrival) => ('unreadable' in arrival ? [arrival.unreadable] : [])),
    // It is killed only when everything has arrived.
    allowedDuplicates: 0,
  }).findings;
}

/** Whether the gateway has counted what was sent, to the last event. */
export function booksOf(plans: readonly BooksPlan[], balance: Balance): Finding {
  const wrong = plans.flatMap((plan) => {
    const shop = balance.shops.find((one) => one.shop === plan.shop);
    const pipeline = balance.pipelines.find((one) => destinationOf(one) === destinationOf(plan));
    const { received, appended, duplicate, refused } = countsOf(plan);
    const is = [shop?.received, shop?.appended, shop?.duplicate, total(shop?.quarantined), pipeline?.delivered];
    const expected = [received, appended, duplicate, refused, appended];
    return `${is}` === `${expected}` ? [] : [`${plan.shop}: expected ${expected}, got ${is}`];
  });
  return none('BALANCE', 'counts other than what was sent', [
    ...wrong,
    ...(balance.balanced ? [] : ['the gateway itself says that its books do not balance']),
  ]);
}

function countsOf({ first, late }: BooksPlan) {
  const requests = [...first, ...late];
  const valid = requests.reduce((sum, { marks }) => sum + marks.length, 0);
  const refused = requests.reduce((sum, { invalid }) => sum + invalid.length, 0);
  const appended = new Set(requests.flatMap(({ marks }) => marks.map(({ id }) => id))).size;
  return { received: valid + refused, appended, duplicate: valid - appended, refused };
}

const total = (counts: Readonly<Record<string, number>> = {}): number =>
  Object.values(counts).reduce((sum, count) => sum + count, 0);

/** Whether every invalid event is kept, as often as it came. */
export function quarantineOf(plans: readonly BooksPlan[], kept: readonly QuarantinedHeadView[]): Finding {
  const open = kept.map(({ shop, event_id }) => `${event_id} of ${shop}`);
  const missing = plans.flatMap(({ shop, first, late }) =>
    [...first, ...late]
      .flatMap(({ invalid }) => invalid.map((id) => `${id} of ${shop}`))
      .filter((name) => {
        const at = open.indexOf(name);
        if (at >= 0) open.splice(at, 1);
        return at < 0;
      }),
  );
  return none('QUARANTINE', 'invalid events that are not kept, or kept and never sent', [...missing, ...open]);
}
