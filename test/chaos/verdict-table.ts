import type { Verdict } from './judge.ts';

/** The verdict as a Markdown table, with the first examples of each finding below it. */
export function verdictTable({ sent, acked, received, findings, passed }: Verdict): string {
  const rows = findings.map(
    ({ name, meaning, count, passed }) => `| ${name} | ${count} | ${passed ? 'ok' : 'FAILED'} | ${meaning} |`,
  );
  const examples = findings.flatMap(({ name, examples }) => examples.map((example) => `${name}: ${example}`));
  return [
    `sent ${sent}, acknowledged ${acked}, arrivals ${received}`,
    '',
    '| finding | count | verdict | meaning |',
    '|---|---|---|---|',
    ...rows,
    '',
    ...examples,
    passed ? 'PASSED' : 'FAILED',
  ].join('\n');
}
