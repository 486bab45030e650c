import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { type FileReport, startProcess } from './support/test-process.ts';

/**
 * Runs the built test files, several at a time: `node dist/test/run.js <kind> [part of a path …]`. The kind is what their names end with,
 * such as `test` or `system`. It fails if a file fails, ends early, takes too long, or has no test.
 */
const PROCESSES = Number(process.env.TEST_PROCESSES ?? 4);
const TIMES = 'dist/test-times.json';

const [kind = 'test', ...parts] = process.argv.slice(2);
const times: Record<string, number> = existsSync(TIMES) ? JSON.parse(readFileSync(TIMES, 'utf8')) : {};
const files = readdirSync('test', { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith(`.${kind}.ts`) && (parts.length === 0 || parts.some((part) => file.includes(part))))
  // The longest first, so that none is left alone at the end.
  .sort((a, b) => (times[b] ?? 0) - (times[a] ?? 0) || a.localeCompare(b));
if (files.length === 0)
  throw new Error(`test: must name a part of a path of a file *.${kind}.ts, got ${parts.join(', ')}`);

const began = performance.now();
const waiting = [...files];
const running = new Map<string, number>();
const reports: FileReport[] = [];

const reminder = setInterval(() => {
  const long = [...running].filter(([, since]) => performance.now() - since > 15_000).map(([file]) => file);
  if (long.length > 0) console.log(`             still running: ${long.join(', ')}`);
}, 15_000);
await Promise.all(Array.from({ length: Math.min(PROCESSES, files.length) }, work));
clearInterval(reminder);
writeFileSync(
  TIMES,
  JSON.stringify({ ...times, ...Object.fromEntries(reports.map(({ file, ms }) => [file, Math.round(ms)])) }),
);
summary();

async function work(): Promise<void> {
  let child = startProcess();
  for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
    running.set(file, performance.now());
    const report = await child.run(file);
    running.delete(file);
    reports.push(report);
    console.log(`${String(reports.length).padStart(4)} of ${files.length} · ${line(report)}`);
    if (!report.ok) console.log(report.output);
    // A process that has failed may have left anything behind.
    if (!report.ok) {
      child.end();
      child = startProcess();
    }
  }
  child.end();
}

function line({ file, ms, passed, failed, skipped, ended }: FileReport): string {
  const counts = [`${passed} passed`, failed && `${failed} FAILED`, skipped.length && `${skipped.length} skipped`];
  return `${file} · ${counts.filter(Boolean).join(', ')}${ended ? ` · ${ended}` : ''} · ${seconds(ms)}`;
}

function summary(): void {
  const sum = (of: (report: FileReport) => number) => reports.reduce((total, report) => total + of(report), 0);
  const slowest = reports.flatMap(({ file, tests }) => tests.map(({ name, ms }) => ({ name: `${file}: ${name}`, ms })));
  console.log('\nThe slowest:');
  for (const { name, ms } of slowest.sort((a, b) => b.ms - a.ms).slice(0, 10)) console.log(`  ${seconds(ms)}  ${name}`);
  const skipped = reports.flatMap(({ file, skipped }) => skipped.map((promise) => `  ${file}: ${promise}`));
  if (skipped.length > 0) console.log(`\nSkipped:\n${skipped.join('\n')}`);
  const failed = reports.filter(({ ok }) => !ok);
  if (failed.length > 0) console.log(`\nFailed:\n${failed.map((report) => `  ${line(report)}`).join('\n')}`);
  console.log(
    `\n${files.length} files, ${sum(({ passed }) => passed)} passed, ${sum(({ failed }) => failed)} failed, ${skipped.length} skipped, ${seconds(performance.now() - began)}`,
  );
  process.exitCode = failed.length > 0 ? 1 : 0;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
