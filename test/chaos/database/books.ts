import type { Balance } from '../../../schemas/admin-api/balance.ts';
import { type Finding, none } from '../findings.ts';
import type { Received } from '../judge.ts';
import { destinationOf, type Target } from '../targets.ts';

/** Whether the gateway's books say what the sinks wrote down: everything stored has arrived, so the counts are those of the sinks. Pure. */
export function booksAgree(
  balance: Balance,
  received: readonly Received[],
  targets: readonly Pick<Target, 'shop' | 'pipeline'>[],
): Finding {
  const wrong = targets.flatMap((target) => {
    const destination = destinationOf(target);
    const count = new Set(received.filter((one) => one.destination === destination).map(({ id }) => id)).size;
    const shop = balance.shops.find((one) => one.shop === target.shop);
    const pipeline = balance.pipelines.find((one) => destinationOf(one) === destination);
    const is = [shop?.appended, shop?.difference, pipeline?.appended, pipeline?.delivered, pipeline?.difference];
    const expected = [count, 0, count, count, 0];
    return `${is}` === `${expected}` ? [] : [`${destination}: ${count} arrived, ${JSON.stringify({ shop, pipeline })}`];
  });
  const unbalanced = balance.balanced ? [] : ['the gateway itself says that its books do not balance'];
  return none('BALANCE', 'books other than what the sinks wrote down', [...wrong, ...unbalanced]);
}
