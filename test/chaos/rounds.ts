import type { Finding } from './findings.ts';

/** Findings that are measured: of several rounds the worst counts, where others are added up. */
const MEASURED = ['READY', 'TIME', 'SLOWEST', 'EXIT'];

/** The findings of several rounds as those of one, each by its place. Passes where it passed in every round. */
export function summed(rounds: readonly (readonly Finding[])[]): Finding[] {
  const [first = []] = rounds;
  if (rounds.length < 2) return [...first];
  return first.map((finding, at) => {
    const same = rounds.map((round) => round[at] ?? missing(finding));
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

const missing = ({ name }: Finding): Finding => ({
  name,
  meaning: 'missing in one round',
  count: 0,
  passed: false,
  examples: [],
});
