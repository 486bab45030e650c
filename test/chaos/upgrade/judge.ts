import type { Balance } from '../../../schemas/admin-api/balance.ts';
import type { DeadView } from '../../../schemas/admin-api/dead-letters.ts';
import type { QuarantinedHeadView } from '../../../schemas/admin-api/quarantine.ts';
import type { Receipt } from '../../../schemas/admin-api/receipts.ts';
import type { ReplayJob } from '../../../schemas/admin-api/replays.ts';
import { type Finding, none } from '../findings.ts';

/** What a shop sent, small enough for millions. */
export interface SentOf {
  readonly shop: string;
  readonly count: number;
  readonly acked: Uint8Array;
  readonly refused: ReadonlySet<string>;
}

/** A pipeline, what it wants, and what its destination has taken. */
export interface TakenBy {
  readonly shop: string;
  readonly pipeline: string;
  readonly wants: (n: number) => boolean;
  /** Whether it also wants what was refused at first. */
  readonly wantsNamed: boolean;
  readonly times: Uint8Array;
  readonly named: ReadonlyMap<string, number>;
}

export interface Evidence {
  readonly sent: readonly SentOf[];
  readonly taken: readonly TakenBy[];
  /** The stretches that replays were ordered for are the whole log of that time: by the name that the destination sees. */
  readonly replayed: readonly (Omit<TakenBy, 'wantsNamed'> & { readonly job: ReplayJob })[];
  /** How many known events were sent once more, and how many were called repeats. */
  readonly again: { readonly sent: number; readonly known: number };
  readonly balance: Balance;
  readonly dead: readonly DeadView[];
  readonly quarantine: readonly QuarantinedHeadView[];
  readonly receipts: readonly Receipt[];
  /** Most events that one pipeline may get twice. */
  readonly repeats: number;
}

/** Whether a log of an earlier release has lost nothing on its way through this one. Pure. */
export function judge(evidence: Evidence): Finding[] {
  const { again, dead, quarantine, repeats } = evidence;
  return [
    none('LOST', 'acknowledged, and at no destination', lost(evidence)),
    none('REPEATED', `pipelines that sent more than ${repeats} events again`, repeated(evidence)),
    none(
      'KNOWN',
      'repeats of events of the earlier release that were taken for new',
      again.sent === again.known ? [] : [`${again.sent - again.known} of ${again.sent}`],
    ),
    none(
      'DEAD',
      'dead letters that a redrive did not bring back to life',
      dead.map(({ event, reason }) => `${event.event_id}: ${reason}`),
    ),
    none(
      'QUARANTINE',
      'refused events that a redrive did not let out',
      quarantine.map(({ event_id, reasons }) => `${event_id}: ${reasons}`),
    ),
    none('REPLAYS', 'replays that did not go on to their end', replays(evidence)),
    none('BALANCE', 'books other than what was sent and taken', books(evidence)),
    none('RECEIPTS', 'receipts that do not say delivered', receipts(evidence)),
  ];
}

function lost({ sent, taken }: Evidence): string[] {
  return taken.flatMap(({ shop, pipeline, wants, wantsNamed, times, named }) => {
    const own = sent.find((one) => one.shop === shop);
    if (!own) return [];
    const missing: string[] = [];
    for (let n = 0; n < own.count; n += 1)
      if (own.acked[n] === 1 && wants(n) && !times[n]) missing.push(`u${n} at ${shop}/${pipeline}`);
    const refused = wantsNamed ? [...own.refused].filter((id) => !named.has(id)) : [];
    return [...missing, ...refused.map((id) => `${id} at ${shop}/${pipeline}`)];
  });
}

function repeated({ taken, repeats }: Evidence): string[] {
  return taken.flatMap(({ shop, pipeline, times, named }) => {
    const again = times.reduce((sum, count) => sum + Math.max(0, count - 1), 0);
    const more = [...named.values()].reduce((sum, count) => sum + count - 1, 0);
    return again + more <= repeats ? [] : [`${again + more} at ${shop}/${pipeline}`];
  });
}

function replays({ replayed }: Evidence): string[] {
  return replayed.flatMap(({ shop, pipeline, wants, times, job }) => {
    const { state, from, to, delivered, dead, filtered } = job;
    const found: string[] = [];
    if (state !== 'done') found.push(`${pipeline} of ${shop} is ${state}`);
    if (delivered + dead + filtered !== to - from + 1)
      found.push(`${pipeline}: ${delivered} + ${dead} + ${filtered} of ${to - from + 1}`);
    // A log of one shop holds its events in order of arrival: as many came as it says, whichever they are.
    const came = times.reduce((sum, count, n) => sum + (count > 0 && wants(n) ? 1 : 0), 0);
    if (came !== delivered) found.push(`${pipeline} counts ${delivered}, ${came} came`);
    return found;
  });
}

function books({ sent, taken, balance }: Evidence): string[] {
  const shops = sent.flatMap(({ shop, count, acked, refused }) => {
    const one = balance.shops.find((books) => books.shop === shop);
    const known = acked.subarray(0, count).reduce((sum, is) => sum + is, 0) + refused.size;
    const left = Object.values(one?.quarantined ?? {}).reduce((sum, n) => sum + n, 0);
    const isRight = one?.appended === known && one.difference === 0 && left === 0;
    return isRight ? [] : [`${shop}: ${known} were taken in, ${JSON.stringify(one)}`];
  });
  const pipelines = taken.flatMap(({ shop, pipeline, times, named }) => {
    const one = balance.pipelines.find((books) => books.shop === shop && books.pipeline === pipeline);
    const came = times.reduce((sum, count) => sum + (count > 0 ? 1 : 0), 0) + named.size;
    const isRight = one?.delivered === came && one.dead === 0 && one.pending === 0 && one.difference === 0;
    return isRight ? [] : [`${shop}/${pipeline}: ${came} came, ${JSON.stringify(one)}`];
  });
  return [
    ...shops,
    ...pipelines,
    ...(balance.balanced ? [] : ['the gateway itself says that its books do not balance']),
  ];
}

function receipts({ receipts: all, taken }: Evidence): string[] {
  return all.flatMap(({ event_id, shop, pipelines = [] }) =>
    pipelines.flatMap((said) => {
      const pipeline = taken.find((one) => one.shop === shop && one.pipeline === said.pipeline);
      const n = Number(event_id.slice(1));
      const wanted = pipeline && (Number.isNaN(n) ? pipeline.wantsNamed : pipeline.wants(n));
      const right = wanted ? 'delivered' : 'filtered';
      return said.state === right ? [] : [`${event_id} at ${said.pipeline}: ${JSON.stringify(said)}`];
    }),
  );
}
