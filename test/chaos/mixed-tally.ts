import type { Balance, ShopBalance } from '../../schemas/admin-api/balance.ts';
import { type Finding, none } from './findings.ts';
import type { Answer } from './mixed-load.ts';
import { lanes, type Plan, type Planned, type PlannedRequest, requestsOf } from './mixed-plan.ts';

/** What a shop must have counted. A request without an answer may have been counted or not, so some counts are spans. */
export interface Counted {
  appended: number;
  readonly received: Span;
  readonly duplicate: Span;
  readonly quarantined: Record<string, Span>;
}

interface Span {
  least: number;
  most: number;
}

export interface Told {
  /** Every event of the plan. */
  readonly events: readonly Planned[];
  readonly shops: ReadonlyMap<string, Counted>;
  /** Answers that cannot be true, or are missing. */
  readonly wrong: readonly string[];
}

/** What the loader was told, held against the plan. Pure. */
export function toldBy(plan: Plan, answers: readonly Answer[]): Told {
  const attempts = new Map<string, Answer[]>();
  for (const answer of answers) {
    const name = `${answer.lane}#${answer.number}`;
    attempts.set(name, [...(attempts.get(name) ?? []), answer]);
  }
  const events: Planned[] = [];
  const shops = new Map<string, Counted>();
  const wrong: string[] = [];
  for (let index = 0; index < lanes; index += 1) {
    for (const request of requestsOf(plan, index)) {
      events.push(...request.fresh, ...request.refused);
      const name = `${request.lane}#${request.number}`;
      const unknown = attempts.get(name)?.filter(({ kind }) => kind === 'unknown').length ?? 0;
      const answer = attempts.get(name)?.find((one) => one.kind === 'answered');
      if (answer === undefined || !fits(request, answer, unknown)) wrong.push(`${name}: ${JSON.stringify(answer)}`);
      else count(countedOf(shops, request.shop), request, answer, unknown);
    }
  }
  return { events, shops, wrong };
}

type Answered = Answer & { readonly kind: 'answered' };

function fits({ fresh, refused, repeats, order }: PlannedRequest, answer: Answered, unknown: number): boolean {
  const { status, accepted, duplicate, rejected } = answer;
  const alone = order.path !== '/beacon' && refused.length > 0;
  return (
    status === (alone ? 400 : order.path === '/beacon' ? 201 : 200) &&
    accepted + duplicate === fresh.length + repeats &&
    rejected === refused.length &&
    (accepted === fresh.length || (unknown > 0 && accepted === 0))
  );
}

function count(counted: Counted, { fresh, refused, repeats }: PlannedRequest, answer: Answered, unknown: number): void {
  const valid = fresh.length + repeats;
  // How many of the attempts without an answer were stored: where the last one found all its events new, none was.
  const sure = answer.accepted === fresh.length ? 0 : 1;
  const maybe = fresh.length > 0 && sure === 0 ? 0 : unknown - sure;
  counted.appended += fresh.length;
  add(counted.received, (valid + refused.length) * (1 + sure), (valid + refused.length) * maybe);
  add(counted.duplicate, answer.duplicate + repeats * sure, valid * maybe);
  for (const { refused: code } of refused) {
    counted.quarantined[code ?? ''] ??= { least: 0, most: 0 };
    add(counted.quarantined[code ?? ''], 1 + sure, maybe);
  }
}

function add(span: Span | undefined, sure: number, maybe: number): void {
  if (span === undefined) return;
  span.least += sure;
  span.most += sure + maybe;
}

function countedOf(shops: Map<string, Counted>, shop: string): Counted {
  const empty = (): Span => ({ least: 0, most: 0 });
  const counted = shops.get(shop) ?? { appended: 0, received: empty(), duplicate: empty(), quarantined: {} };
  shops.set(shop, counted);
  return counted;
}

/** Whether the gateway's books of the shops are those of the loader. */
export function shopsBalance({ shops }: Told, balance: Balance): Finding {
  const wrong = balance.shops.flatMap((shop) => {
    const counted = shops.get(shop.shop);
    return counted ? differences(shop, counted) : [`${shop.shop}: nothing was sent`];
  });
  const missing = [...shops.keys()].filter((shop) => !balance.shops.some((one) => one.shop === shop));
  return none('SHOPS', 'counts of a shop other than what its loader was told', [...wrong, ...missing]);
}

function differences({ shop, received, appended, duplicate, quarantined, difference }: ShopBalance, counted: Counted) {
  const inside = (name: string, value: number, { least, most }: Span) =>
    value >= least && value <= most ? [] : [`${shop}: ${name} ${value}, expected ${least} to ${most}`];
  const nothing = { least: 0, most: 0 };
  const codes = new Set([...Object.keys(quarantined), ...Object.keys(counted.quarantined)]);
  return [
    ...inside('received', received, counted.received),
    ...inside('appended', appended, { least: counted.appended, most: counted.appended }),
    ...inside('duplicate', duplicate, counted.duplicate),
    ...[...codes].flatMap((code) =>
      inside(`quarantined ${code}`, quarantined[code] ?? 0, counted.quarantined[code] ?? nothing),
    ),
    ...inside('difference', difference, nothing),
  ];
}
