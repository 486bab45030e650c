import type { Finding } from './findings.ts';

/** Findings as a Markdown table, with the first examples of each below it, and whether all of them passed. */
export function verdictTable(findings: readonly Finding[]): string {
  const rows = findings.map(
    ({ name, meaning, count, passed }) => `| ${name} | ${count} | ${passed ? 'ok' : 'FAILED'} | ${meaning} |`,
  );
  const examples = findings.flatMap(({ name, examples }) => examples.map((example) => `${name}: ${example}`));
  return [
    '',
    '| finding | count | verdict | meaning |',
    '|---|---|---|---|',
    ...rows,
    '',
    ...examples,
    findings.every(({ passed }) => passed) ? 'PASSED' : 'FAILED',
  ].join('\n');
}
