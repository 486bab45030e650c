import type { PipelineReceipt } from '../../../schemas/admin-api/receipts.ts';
import { type Final, type History, keyOf } from './history.ts';
import { isKnown, type Ledger, mayBeDiscarded, mayBeFiltered } from './ledger.ts';
import { PIPELINES, RENAMED } from './plan.ts';

/** What the gateway says of its own books, and how many events it has stored. */
export function balance(history: History, { balance: books, receipts }: Final): string[] {
  const wrong = books.shops.flatMap(({ shop, appended, duplicate, difference }) => {
    const own = [...history.sent.values()].filter((one) => one.shop === shop && one.ackedAt !== undefined);
    const stored = own.filter(
      ({ id, isCustom }) => !isCustom || receipts.get(`${shop}#${id}`)?.some(({ state }) => state === 'stored'),
    ).length;
    if (difference !== 0) return [`${shop} differs by ${difference}`];
    return appended === stored && duplicate >= 0 ? [] : [`${shop} has appended ${appended}, ${stored} are on its log`];
  });
  const open = books.pipelines.flatMap((one) => {
    const { pending, difference, dropped } = one;
    const gone = Object.values(dropped).reduce((sum, count) => sum + count, 0);
    const isRight = pending === 0 && difference === 0 && gone === 0;
    return isRight ? [] : [`${keyOf(one)}: ${pending} pending, ${gone} dropped, differs by ${difference}`];
  });
  return [...wrong, ...open, ...(books.balanced ? [] : ['the gateway itself says that its books do not balance'])];
}

/** Each pipeline counts as delivered what its receiver has taken, and as dead what was discarded. */
export function counts(history: History, ledger: Ledger, { balance: books, dead, receipts }: Final): string[] {
  const left = dead.map((letter) => `${letter.event.event_id} is dead at ${keyOf(letter)} although all is well`);
  const wrong = PIPELINES.flatMap((ref) => {
    const key = keyOf(ref);
    const counted = books.pipelines.find((one) => keyOf(one) === key);
    if (!counted) return [`${key} is not in the balance`];
    const taken = ledger.ids(key);
    // What a crash made the gateway forget may have been let go, or left out, when it was sent again.
    const perhaps = [...taken].filter((id) => mayBeDiscarded(history, key, id) || mayBeFiltered(history, key, id));
    const discarded = [...receipts].filter(([name, all]) => {
      if (!name.startsWith(`${ref.shop}#`)) return false;
      return all.some(({ pipelines = [] }) =>
        pipelines.some(({ pipeline, state }) => pipeline === ref.pipeline && state === 'dropped'),
      );
    }).length;
    const least = taken.size - perhaps.length;
    const found: string[] = [];
    if (counted.delivered < least || counted.delivered > taken.size)
      found.push(`${key} counts ${counted.delivered} delivered, its receiver has taken ${least} to ${taken.size}`);
    if (counted.dead !== discarded) found.push(`${key} counts ${counted.dead} dead, ${discarded} were discarded`);
    return found;
  });
  return [...left, ...wrong];
}

/** Every receipt that was asked for. */
export function receipts(history: History, ledger: Ledger, { receipts: all }: Final): string[] {
  return [...all].flatMap(([name, some]) => {
    const [shop = '', id = ''] = name.split('#');
    const stored = some.filter(({ state }) => state === 'stored');
    if (stored.length === 0) return history.sent.get(id)?.isCustom ? [] : [`${name} has no receipt`];
    return PIPELINES.filter((ref) => ref.shop === shop).flatMap((ref) => {
      const key = keyOf(ref);
      const said = stored[0]?.pipelines?.find(({ pipeline }) => pipeline === ref.pipeline);
      return isTrue(history, ledger, key, id, said) ? [] : [`${id} at ${key}: ${JSON.stringify(said)}`];
    });
  });
}

function isTrue(history: History, ledger: Ledger, key: string, id: string, said: PipelineReceipt | undefined): boolean {
  const taken = ledger.taken(key, id);
  const isSure = taken.some((delivery) => isKnown(history, delivery));
  switch (said?.state) {
    case 'delivered':
      return taken.length > 0;
    case 'dropped':
      return !isSure && mayBeDiscarded(history, key, id);
    case 'filtered':
      return !isSure && mayBeFiltered(history, key, id);
    case 'before':
      return key === keyOf(RENAMED) && taken.length === 0;
    default:
      return false;
  }
}
