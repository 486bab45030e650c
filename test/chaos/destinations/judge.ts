import { atMost, type Finding, none } from '../findings.ts';
import { mostIn10s } from '../moments.ts';
import type { Case } from './cases.ts';
import type { Phase } from './watch.ts';

/** What was seen of one case while its destination was sick, and, for what is dead, in the end. */
export interface Observed {
  readonly phases: readonly Phase[];
  /** When it was asked, in milliseconds since 1970: what the destination saw, or, where nobody could see it, what the gateway said. */
  readonly asked: readonly number[];
  /** By the pipeline's own count. */
  readonly delivered: number;
  readonly dead: readonly { readonly id: string; readonly lane: string; readonly n: number; readonly reason: string }[];
}

const SECOND_MS = 1000;
/** Clocks of two processes, and timers that count in whole milliseconds. */
const SLACK_MS = 25;

/** Whether the gateway did what is expected of it in each case. Pure. */
export function judgeCases(cases: readonly Case[], observed: ReadonlyMap<string, Observed>): Finding[] {
  const all = cases.map((one) => ({ one, seen: observed.get(one.name) }));
  const unmet = all.filter(({ one, seen }) => !isMet(one, seen)).map(({ one }) => one.name);
  const wrong = all.flatMap(({ one, seen }) =>
    seen === undefined ? [] : mistakes(one, seen).map((mistake) => `${one.name}: ${mistake}`),
  );
  const waiting = all.flatMap(({ one, seen }) => (one.expected.kind === 'waits' && seen ? [seen.asked] : []));
  return [
    {
      ...none('MET', `of ${cases.length} kinds of bad destinations`, []),
      count: cases.length - unmet.length,
      passed: unmet.length === 0,
      examples: unmet,
    },
    none('ACTION', 'other than expected of the gateway', wrong),
    atMost(
      'ASKED',
      'requests to a destination that takes nothing, in its busiest 10 s',
      Math.max(0, ...waiting.map(busiest)),
      11,
    ),
  ];
}

/** Whether the case has happened at all: who waits a day or is done for is asked once. */
function isMet({ expected, fault }: Case, seen: Observed | undefined): boolean {
  if (seen === undefined) return false;
  if (Object.keys(fault).length === 0) return seen.delivered > 0;
  const once =
    expected.kind === 'suspends' || (expected.kind === 'waits' && (expected.waitMs ?? expected.apartMs) !== undefined);
  return seen.asked.length >= (once ? 1 : 2);
}

function mistakes({ expected, rules }: Case, seen: Observed): string[] {
  switch (expected.kind) {
    case 'waits':
      return [
        ...tookNothing(seen),
        ...reasonsLike(expected.says, seen, 'failing'),
        ...apart(seen.asked, expected.apartMs ?? SECOND_MS, 'lanes' in (rules ?? {})),
        ...waitedLong(expected.waitMs, seen),
      ];
    case 'takes':
      return [
        ...(seen.delivered > 0 ? [] : ['nothing delivered']),
        ...seen.phases.flatMap(({ reason }) => (reason === undefined ? [] : [`it waited: ${reason}`])),
        ...seen.dead.map(({ id, reason }) => `${id} is dead: ${reason}`),
      ];
    case 'buries':
      return buried(expected, seen);
    case 'suspends':
      return [...tookNothing(seen), ...reasonsLike(expected.says, seen, 'suspended')];
    case 'either':
      return seen.dead.map(({ id, reason }) => `${id} is dead: ${reason}`);
  }
}

const tookNothing = ({ delivered, dead }: Observed): string[] => [
  ...(delivered === 0 ? [] : [`${delivered} delivered`]),
  ...dead.map(({ id, reason }) => `${id} is dead: ${reason}`),
];

function reasonsLike(says: RegExp, { phases }: Observed, kind: Phase['kind']): string[] {
  const reasons = phases.flatMap(({ reason }) => (reason === undefined ? [] : [reason]));
  const other = reasons.filter((reason) => !says.test(reason)).map((reason) => `the reason was: ${reason}`);
  return phases.some((phase) => phase.kind === kind) ? other : [`never ${kind}, but ${phases.map((one) => one.kind)}`];
}

/** With several lanes the requests that were under way together when it began were no answer to one another. */
function apart(asked: readonly number[], leastMs: number, wide: boolean): string[] {
  const from = wide ? (asked[0] ?? 0) + SECOND_MS : 0;
  const known = asked.filter((at) => at >= from);
  return known.flatMap((at, index) => {
    const ms = at - (known[index - 1] ?? Number.NEGATIVE_INFINITY);
    return ms < leastMs - SLACK_MS ? [`asked again after ${ms} ms`] : [];
  });
}

function waitedLong(waitMs: number | undefined, { phases }: Observed): string[] {
  if (waitMs === undefined) return [];
  const longest = Math.max(...phases.map((phase) => phase.waitMs));
  return longest > waitMs - 60_000 && longest <= waitMs ? [] : [`it meant to wait ${longest} ms`];
}

function buried(
  { says, only }: Extract<Case['expected'], { kind: 'buries' }>,
  { dead, delivered }: Observed,
): string[] {
  const reasons = dead.filter(({ reason }) => !says.test(reason)).map(({ id, reason }) => `${id} is dead: ${reason}`);
  if (only === undefined) {
    return [
      ...reasons,
      ...(dead.length > 0 ? [] : ['no dead letters']),
      ...(delivered === 0 ? [] : [`${delivered} delivered`]),
    ];
  }
  const others = dead.filter((one) => !only(one)).map(({ id }) => `${id} is dead, and was welcome`);
  return [...reasons, ...others, ...(dead.length > 0 ? [] : ['no dead letters'])];
}

function busiest(asked: readonly number[]): number {
  return mostIn10s(asked.filter((at) => at > (asked[0] ?? 0) + 2 * SECOND_MS));
}
