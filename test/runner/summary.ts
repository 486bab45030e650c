import type { FileReport } from './test-process.ts';

/** What one file did. */
export function line({ file, ms, passed, failed, skipped, ended }: FileReport): string {
  const counts = [`${passed} passed`, failed && `${failed} FAILED`, skipped.length && `${skipped.length} skipped`];
  return `${file} · ${counts.filter(Boolean).join(', ')}${ended ? ` · ${ended}` : ''} · ${seconds(ms)}`;
}

/** The slowest tests, what was skipped and why, what failed, and the sums. */
export function summary(reports: readonly FileReport[], ms: number): string {
  const tests = reports.flatMap(({ file, tests }) => tests.map(({ name, ms }) => ({ name: `${file}: ${name}`, ms })));
  const slowest = tests.sort((a, b) => b.ms - a.ms).slice(0, 10);
  const skipped = reports.flatMap(({ file, skipped }) => skipped.map((promise) => `${file}: ${promise}`));
  const failed = reports.filter(({ ok }) => !ok);
  const sum = (of: (report: FileReport) => number) => reports.reduce((total, report) => total + of(report), 0);
  const sums = [
    `${new Set(reports.map(({ file }) => file)).size} files`,
    `${sum(({ passed }) => passed)} passed`,
    `${sum(({ failed }) => failed)} failed`,
    `${skipped.length} skipped`,
    seconds(ms),
  ];
  return [
    ...part(
      'The slowest',
      slowest.map(({ name, ms }) => `${seconds(ms)}  ${name}`),
    ),
    ...part('Skipped', skipped),
    ...part('Failed', failed.map(line)),
    `\n${sums.join(', ')}`,
  ].join('\n');
}

const part = (title: string, lines: readonly string[]): string[] =>
  lines.length === 0 ? [] : [`\n${title}:`, ...lines.map((line) => `  ${line}`)];

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
