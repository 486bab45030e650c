import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { atLeast, type Finding } from './findings.ts';

/** Findings that are measured: of several rounds the worst counts, where others are added up. */
const MEASURED = ['READY', 'TIME', 'SLOWEST', 'REPEATED', 'EXIT'];

export interface RoundsOptions {
  readonly folder: string;
  readonly rounds: number;
  readonly keep: boolean;
  /** Of all rounds together. */
  readonly leastAcked: number;
}

/** Plays this many rounds, one after the other, each in an empty folder of its own, and sums them up. */
export async function inRounds(
  { folder, rounds, keep, leastAcked }: RoundsOptions,
  play: (folder: string, number: number) => Promise<readonly Finding[]>,
): Promise<Finding[]> {
  const findings: (readonly Finding[])[] = [];
  for (let number = 0; number < rounds; number += 1) {
    const own = join(folder, `round-${number}`);
    mkdirSync(own);
    findings.push(await play(own, number));
    if (!keep) rmSync(own, { recursive: true });
  }
  const acked = ({ count }: Finding) => atLeast('ACKED', 'events acknowledged', count, leastAcked);
  return summed(findings).map((finding) => (finding.name === 'ACKED' ? acked(finding) : finding));
}

/** The findings of several rounds as those of one, by their names. Passes where it passed in every round, and none is without it. Throws where a round has two of one name. */
export function summed(rounds: readonly (readonly Finding[])[]): Finding[] {
  const [first = []] = rounds;
  if (rounds.length < 2) return [...first];
  for (const round of rounds) refuseTwins(round);
  const others = rounds.flat().filter(({ name }) => first.every((finding) => finding.name !== name));
  return [...first, ...new Map(others.map((finding) => [finding.name, finding])).values()].map((finding) => {
    const same = rounds.map((round) => round.find(({ name }) => name === finding.name) ?? missing(finding));
    const counts = same.map(({ count }) => count);
    const count = MEASURED.includes(finding.name) ? Math.max(...counts) : counts.reduce((sum, one) => sum + one, 0);
    const failed = same.find(({ passed }) => !passed);
    return {
      ...finding,
      meaning: failed?.meaning ?? finding.meaning,
      count,
      passed: failed === undefined,
      examples: same.flatMap(({ examples }) => examples).slice(0, 3),
    };
  });
}

/** Of two findings of one name only the first would be seen. */
function refuseTwins(round: readonly Finding[]): void {
  const names = round.map(({ name }) => name);
  const twin = names.find((name, at) => names.indexOf(name) !== at);
  if (twin !== undefined) throw new Error(`expected one finding of each name in a round, got ${twin} twice`);
}

const missing = ({ name }: Finding): Finding => ({
  name,
  meaning: 'missing in one round',
  count: 0,
  passed: false,
  examples: [],
});
