import type { Finding } from '../findings.ts';

/** What is told of all faults together: of some the sum, of others the worst. */
const SUMS = ['KILLS', 'CUTS', 'DEAD', 'FAILOVERS', 'ACKED', 'LOST', 'CROSSED', 'CORRUPT', 'ORDER', 'BALANCE'];
const WORST = ['BACK', 'ONWARD', 'SLOWEST'];

/** One row for a whole fault: how many of its findings failed, and what it measured. Pure. */
export function summary(name: string, findings: readonly Finding[]): Finding {
  const failed = findings.filter(({ passed }) => !passed);
  const figures = findings.filter(({ count }) => count !== 0).map((one) => `${one.name} ${one.count}`);
  const examples = failed.flatMap((one) => [`${one.name}: ${one.meaning}`, ...one.examples]);
  return { name, meaning: figures.join(', '), count: failed.length, passed: failed.length === 0, examples };
}

/** The figures that mean the same in every fault, over all of them. Whether they are good enough is said by each fault's own row. Pure. */
export function together(findings: readonly Finding[]): Finding[] {
  return [...SUMS, ...WORST].flatMap((name) => {
    const same = findings.filter((finding) => finding.name === name);
    const [first] = same;
    if (first === undefined) return [];
    const counts = same.map(({ count }) => count);
    const count = SUMS.includes(name) ? counts.reduce((sum, one) => sum + one, 0) : Math.max(...counts);
    const meaning = `${SUMS.includes(name) ? 'in all' : 'the worst'} of ${same.length} faults: ${first.meaning}`;
    return [{ name, meaning, count, passed: same.every(({ passed }) => passed), examples: [] }];
  });
}
