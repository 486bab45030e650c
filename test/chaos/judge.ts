import type { Mark } from './events.ts';
import { type Finding, none } from './findings.ts';

/** One event as it came to a destination. */
export interface Received extends Mark {
  readonly destination: string;
  /** When it came, in milliseconds since 1970, where that is known. */
  readonly at?: number;
  /** The `webhook-id` it came under, and the number of the request; absent where a destination has no such thing. */
  readonly delivery?: { readonly id: string; readonly request: number };
}

/** A pipeline of the run: what is acknowledged for its shop must come to its destination. */
export interface Route {
  readonly destination: string;
  readonly shop: string;
}

export interface Evidence {
  readonly routes: readonly Route[];
  /** Everything that was ever put on the wire, by id. */
  readonly sent: ReadonlyMap<string, Mark>;
  /** Ids that got a complete 2xx. */
  readonly acked: ReadonlySet<string>;
  /** Ids whose only complete answers were 4xx. */
  readonly refused: ReadonlySet<string>;
  /** In order of arrival at each destination. */
  readonly received: readonly Received[];
  /** Things that came to a destination and were not events at all, such as a torn line. */
  readonly unreadable: readonly string[];
  /** Why an event may rightly be missing at a destination: a dead letter, a policy. */
  readonly excused?: (destination: string, id: string) => boolean;
  /** How many repeats per destination the faults of this run explain. */
  readonly allowedDuplicates: number;
  /** When gateways ended, in milliseconds since 1970, and how many repeats one end explains at one destination. Absent: other faults do too. */
  readonly ends?: { readonly at: readonly number[]; readonly most: number };
  /** How many of them may come under another webhook-id: a crash while a batch was split forgets how it was split. */
  readonly allowedRenamed?: number;
}

export interface Verdict {
  readonly passed: boolean;
  readonly sent: number;
  readonly acked: number;
  readonly received: number;
  readonly findings: readonly Finding[];
}

/** Compares what was promised with what arrived. Pure: the same evidence gives the same verdict. */
export function judge(evidence: Evidence): Verdict {
  const first = firstArrivals(evidence.received);
  const findings = [
    none(
      'LOST',
      `acknowledged, never arrived (sent ${evidence.sent.size}, acknowledged ${evidence.acked.size}, arrivals ${evidence.received.length})`,
      lost(evidence, first),
    ),
    none('PHANTOM', 'arrived, never sent', evidence.received.filter(({ id }) => !evidence.sent.has(id)).map(label)),
    none('CROSSED', "arrived at another shop's destination, or named another shop", crossed(evidence)),
    none('CORRUPT', 'arrived changed, or unreadable', corrupt(evidence)),
    none('REFUSED', 'refused with 4xx, arrived all the same', refusedButArrived(evidence, first)),
    none('ORDER', 'first arrival after a later event of its lane', outOfOrder(first)),
    duplicates(evidence),
    ...unexplained(evidence),
    ...deduplicated(evidence),
  ];
  return {
    passed: findings.every(({ passed }) => passed),
    sent: evidence.sent.size,
    acked: evidence.acked.size,
    received: evidence.received.length,
    findings,
  };
}

type Arrivals = ReadonlyMap<string, ReadonlyMap<string, Received>>;

/** By destination, then by id, in order of arrival. */
function firstArrivals(received: readonly Received[]): Arrivals {
  const arrivals = new Map<string, Map<string, Received>>();
  for (const one of received) {
    const there = arrivals.get(one.destination) ?? new Map<string, Received>();
    if (there.size === 0) arrivals.set(one.destination, there);
    if (!there.has(one.id)) there.set(one.id, one);
  }
  return arrivals;
}

function lost({ routes, sent, acked, excused }: Evidence, first: Arrivals): string[] {
  const missing: string[] = [];
  for (const { destination, shop } of routes) {
    for (const id of acked) {
      if (sent.get(id)?.shop !== shop || first.get(destination)?.has(id) || excused?.(destination, id)) continue;
      missing.push(`${id} at ${destination}`);
    }
  }
  return missing;
}

function crossed({ routes, sent, received }: Evidence): string[] {
  const shops = new Map(routes.map(({ destination, shop }) => [destination, shop]));
  return received
    .filter(({ id, shop, destination }) => {
      const owner = sent.get(id)?.shop;
      return owner !== undefined && (shop !== owner || shops.get(destination) !== owner);
    })
    .map(label);
}

function corrupt({ sent, received, unreadable }: Evidence): string[] {
  const changed = received.filter(({ id, crc }) => {
    const original = sent.get(id);
    return original !== undefined && original.crc !== crc;
  });
  return [...changed.map(label), ...unreadable];
}

function refusedButArrived({ routes, refused }: Evidence, first: Arrivals): string[] {
  return routes.flatMap(({ destination }) =>
    [...refused].filter((id) => first.get(destination)?.has(id)).map((id) => `${id} at ${destination}`),
  );
}

function outOfOrder(first: Arrivals): string[] {
  const late: string[] = [];
  for (const there of first.values()) {
    const latest = new Map<string, number>();
    for (const one of there.values()) {
      if (one.n < (latest.get(one.lane) ?? -1)) late.push(`${label(one)} after ${latest.get(one.lane)}`);
      else latest.set(one.lane, one.n);
    }
  }
  return late;
}

function duplicates({ received, allowedDuplicates }: Evidence): Finding {
  const seen = new Set<string>();
  const counts = new Map<string, number>();
  for (const one of received) {
    const key = label(one);
    if (seen.has(key)) counts.set(one.destination, (counts.get(one.destination) ?? 0) + 1);
    seen.add(key);
  }
  return {
    name: 'DUPLICATE',
    meaning: `arrived again, at most ${allowedDuplicates} per destination explained by the faults`,
    count: [...counts.values()].reduce((sum, count) => sum + count, 0),
    passed: [...counts.values()].every((count) => count <= allowedDuplicates),
    examples: [...counts].map(([destination, count]) => `${count} at ${destination}`),
  };
}

/** Until somebody has noticed that the other end of his connection is gone. */
const NOTICED_MS = 1_000;

/** Repeats between whose two arrivals no gateway ended, and ends that made too much come again. Files do not say when a line was written. */
function unexplained({ received, ends }: Evidence): Finding[] {
  if (ends === undefined) return [];
  const last = new Map<string, number>();
  const counts = new Map<string, number>();
  const wrong: string[] = [];
  for (const one of received) {
    if (one.delivery === undefined || one.at === undefined) continue;
    const [event, now, before] = [label(one), one.at, last.get(label(one))];
    last.set(event, now);
    if (before === undefined) continue;
    const end = ends.at.findLast((at) => at >= before - NOTICED_MS && at <= now);
    if (end === undefined) wrong.push(`${event}, ${now - before} ms later`);
    else counts.set(`${one.destination}, end at ${end}`, (counts.get(`${one.destination}, end at ${end}`) ?? 0) + 1);
  }
  const many = [...counts].filter(([, count]) => count > ends.most).map(([where, count]) => `${count} at ${where}`);
  const meaning = `repeats with no end of a gateway between, and ends with over ${ends.most} at one destination`;
  return [none('UNEXPLAINED', meaning, [...wrong, ...many])];
}

/**
 * What a receiver is left with that drops every request whose `webhook-id` it has seen, as Standard Webhooks advises: each event
 * once. All destinations are one receiver here, since one backend may serve several shops.
 */
function deduplicated({ received, allowedRenamed = 0 }: Evidence): Finding[] {
  const owners = new Map<string, number>();
  const kept = new Map<string, number>();
  for (const one of received) {
    if (!one.delivery) continue;
    const { id, request } = one.delivery;
    if (!owners.has(id)) owners.set(id, request);
    kept.set(label(one), (kept.get(label(one)) ?? 0) + (owners.get(id) === request ? 1 : 0));
  }
  const where = (wanted: (count: number) => boolean) => [...kept].filter(([, n]) => wanted(n)).map(([name]) => name);
  const renamed = where((n) => n > 1);
  return [
    {
      ...none('RENAMED', 'again under another webhook-id, so a receiver that drops known ones has it twice', renamed),
      passed: renamed.length <= allowedRenamed,
    },
    none(
      'SHADOWED',
      'only under webhook-ids that had meant other events, so such a receiver drops it',
      where((n) => n < 1),
    ),
  ];
}

const label = ({ id, destination }: Received): string => `${id} at ${destination}`;
