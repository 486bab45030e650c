import { type Delivery, type Final, type History, keyOf, type Order } from './history.ts';
import { type Ledger, mayBeFiltered, mayHaveWorked, SLACK_MS, wasAsleep } from './ledger.ts';

/** A replay learns of its end by a message. */
const CANCEL_SLACK_MS = 1_500;
/** An event that fails so often alone is given up. */
const GIVEN_UP_AFTER = 5;

const placeOf = ({ input: { shop, pipeline } }: Order): string => `${shop}/${pipeline}`;
const ended = ({ endedAt = Number.POSITIVE_INFINITY }: Order): number => endedAt;

const words = (delivery: Delivery, order: Order): string =>
  `request ${delivery.number} of ${keyOf(delivery)} (${delivery.ids.slice(0, 3)}), ${Math.round(delivery.begunAt - ended(order))} ms after ${order.kind} was answered`;

/** A pipeline that is suspended sends nothing until somebody asks for its resumption. */
export function suspended(history: History): string[] {
  const { orders, deliveries } = history;
  return orders
    .filter(({ kind, result }) => kind === 'suspend' && result === 'done')
    .flatMap((order) => {
      const place = placeOf(order);
      const until = Math.min(
        ...orders
          .filter((other) => other.kind === 'resume' && placeOf(other) === place && mayHaveWorked(other))
          .filter((other) => ended(other) > order.begunAt)
          .map(({ begunAt }) => begunAt),
        Number.POSITIVE_INFINITY,
      );
      return deliveries
        .filter((one) => keyOf(one) === place && one.begunAt > ended(order) + SLACK_MS && one.begunAt < until)
        .filter((one) => !wasAsleep(history, one.begunAt))
        .map((one) => words(one, order));
    });
}

/** A letter whose discard was confirmed is never sent again, and stays discarded. */
export function discarded(history: History, ledger: Ledger, { receipts }: Final): string[] {
  const sure = history.orders.flatMap((order) => {
    const { shop, pipeline, event_id } = order.input;
    const isSure = order.kind === 'discard' && order.result === 'done' && Number(order.answer?.discarded) > 0;
    return isSure && event_id !== undefined
      ? [{ key: `${shop}/${pipeline}`, shop, pipeline, id: String(event_id), at: ended(order) }]
      : [];
  });
  const undone = sure.flatMap(({ key, shop, pipeline, id, at }) => {
    const receipt = receipts.get(`${shop}#${id}`)?.find(({ state }) => state === 'stored');
    const standing = receipt?.pipelines?.find((one) => one.pipeline === pipeline);
    // A replay's letters are on no receipt.
    if (standing === undefined || standing.state === 'dropped') return [];
    // It was being tried once more, and its receiver had it before the discard was confirmed.
    if (standing.state === 'delivered' && ledger.taken(key, id).some(({ begunAt }) => begunAt < at)) return [];
    return [`${id} at ${key} was discarded, and its receipt says ${standing.state}`];
  });
  const told = [...receipts].flatMap(([name, all]) => {
    const [shop, id = ''] = name.split('#');
    return all.flatMap(({ pipelines = [] }) =>
      pipelines.flatMap((one) => {
        const at = one.state === 'dropped' ? Date.parse(/discarded at (\S+Z)/.exec(one.reason)?.[1] ?? '') : Number.NaN;
        return Number.isNaN(at) ? [] : [{ key: `${shop}/${one.pipeline}`, id, at }];
      }),
    );
  });
  const sent = [...sure, ...told].flatMap(({ key, id, at }) =>
    ledger
      .all(key, id)
      .filter(({ begunAt }) => begunAt > at + SLACK_MS && !wasAsleep(history, begunAt))
      .map(
        ({ number, begunAt }) =>
          `${id} at ${key} in request ${number}, ${Math.round(begunAt - at)} ms after its discard`,
      ),
  );
  return [...undone, ...new Set(sent)];
}

/** A replay that was cancelled sends nothing but dead letters that somebody hands over once more. */
export function cancelled(history: History): string[] {
  const { orders, deliveries } = history;
  return orders
    .filter(({ kind, result }) => kind === 'cancel' && result === 'done')
    .flatMap((order) => {
      const place = placeOf(order);
      const isAsked = (at: number) =>
        orders.some((other) => {
          const isMeant = other.input.pipeline === undefined || placeOf(other) === place;
          return other.kind === 'redrive' && isMeant && mayHaveWorked(other) && other.begunAt < at;
        });
      return deliveries
        .filter((one) => keyOf(one) === place && one.begunAt > ended(order) + CANCEL_SLACK_MS && !isAsked(one.begunAt))
        .filter((one) => !wasAsleep(history, one.begunAt))
        .map((one) => words(one, order));
    });
}

/** A letter that is handed over once more is tried until it is taken, refused or given up. */
export function redriven(history: History, ledger: Ledger, { lettersBefore, lettersAt }: Final): string[] {
  const left = new Set(lettersBefore);
  return history.orders.flatMap((order) => {
    const { kind, result, letters = [], answer, begunAt } = order;
    // Of several letters some may have been others by then.
    if (kind !== 'redrive' || result !== 'done' || letters.length === 0) return [];
    if (Number(answer?.redriven) < letters.length) return [];
    return letters.flatMap((name) => {
      const [key = '', id = ''] = name.split('#');
      if (!left.has(name) || mayBeFiltered(history, key, id)) return [];
      const tries = ledger.all(key, id).filter((one) => (one.endedAt ?? 0) > begunAt && one.begunAt < lettersAt);
      const isSettled = tries.some(({ answer: said }) => said === 200 || said === 400);
      return isSettled || tries.length >= GIVEN_UP_AFTER ? [] : [`${name}, ${tries.length} tries after the order`];
    });
  });
}

/** A replay that was confirmed is there, comes to an end, and counts what its receiver took. */
export function replayed(history: History, ledger: Ledger, { replays }: Final): string[] {
  const orders = history.orders.filter(({ kind }) => kind === 'replay');
  const sure = orders.flatMap((order) => {
    const { id } = (order.answer?.job ?? {}) as { id?: string };
    return order.result === 'done' && id !== undefined ? [{ order, id }] : [];
  });
  const most = orders.filter(mayHaveWorked).length;
  const missing = sure.flatMap(({ order, id }) => {
    const job = replays.find((one) => one.id === id);
    return job && keyOf(job) === placeOf(order) ? [] : [`${id} of ${placeOf(order)} is not there`];
  });
  const twice = replays.filter(({ id }, index) => replays.findIndex((one) => one.id === id) !== index);
  const cancels = history.orders.filter(({ kind }) => kind === 'cancel');
  const wrong = replays.flatMap((job) => {
    const { id, state, from, to, delivered, dead, filtered } = job;
    const name = `${keyOf(job)}-${id}`;
    const of = cancels.filter((order) => order.input.id === id);
    const taken = ledger.ids(name);
    const mayBeOut = [...taken].filter((one) => mayBeFiltered(history, name, one)).length;
    const found: string[] = [];
    if (state !== 'done' && state !== 'cancelled') found.push(`${name} is ${state} in the end`);
    if (state === 'cancelled' && !of.some(mayHaveWorked)) found.push(`${name} was cancelled by nobody`);
    if (state === 'done' && delivered + dead + filtered !== to - from + 1)
      found.push(`${name}: ${delivered} + ${dead} + ${filtered} of ${to - from + 1}`);
    // What lanes had delivered ahead of a replay that was cancelled is in no count.
    const least = state === 'cancelled' ? 0 : taken.size - dead - mayBeOut;
    if (delivered > taken.size || delivered < least)
      found.push(`${name} counts ${delivered} delivered and ${dead} dead, its receiver took ${taken.size}`);
    return found;
  });
  return [
    ...missing,
    ...twice.map(({ id }) => `${id} is there twice`),
    ...(replays.length > most ? [`${replays.length} replays of ${most} orders`] : []),
    ...wrong,
  ];
}

/** What was refused is on the log or was let go, and is counted once. */
export function quarantined(history: History, { receipts, quarantine, balance }: Final): string[] {
  const orders = history.orders.filter(mayHaveWorked);
  const discards = orders.filter(({ kind }) => kind === 'discard quarantine');
  const custom = [...history.sent.values()].filter(({ isCustom, ackedAt }) => isCustom && ackedAt !== undefined);
  const isStored = ({ shop, id }: { shop: string; id: string }) =>
    receipts.get(`${shop}#${id}`)?.some(({ state }) => state === 'stored') ?? false;
  const nowhere = custom.filter((one) => !isStored(one) && !discards.some(({ input }) => input.event_id === one.id));
  const accepted = history.orders.reduce(
    (sum, { kind, result, answer }) =>
      kind === 'redrive quarantine' && result === 'done' ? sum + Number(answer?.accepted ?? 0) : sum,
    0,
  );
  const stored = custom.filter(isStored).length;
  const counts = balance.shops.flatMap(({ shop, quarantined: byCode }) => {
    const own = discards.filter(({ input }) => input.shop === shop);
    const sure = own.reduce((sum, { answer }) => sum + Number(answer?.discarded ?? 0), 0);
    // The same event may have been sent, and refused, more than once.
    const perhaps = own.filter(({ result }) => result !== 'done').length * 3;
    const count = Object.values(byCode).reduce((sum, one) => sum + one, 0);
    const isRight = Object.values(byCode).every((one) => one >= 0) && count >= sure && count <= sure + perhaps;
    return isRight ? [] : [`${shop} counts ${JSON.stringify(byCode)}, ${sure} to ${sure + perhaps} were let go`];
  });
  return [
    ...nowhere.map(({ id, shop }) => `${id} of ${shop} is nowhere`),
    ...quarantine.map(
      ({ id, shop, event_id }) => `${event_id} of ${shop} is kept as ${id}, although it is accepted today`,
    ),
    ...(accepted > stored ? [`${accepted} accepted by redrives, of ${stored} that are on the log`] : []),
    ...counts,
  ];
}
