import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { run } from './runner/run.ts';

/**
 * Runs the built test files, several at a time: `node dist/test/run.js <kind> [--write | --failed] [part of a path …]`. The kind is what
 * their names end with, such as `test` or `system`. With `--write`, files that compare a page with their table write the table
 * first. With `--failed`, only the files that failed last time run, one after the other. Fails if a file fails, ends early, takes too long, or has no test.
 */
const WRITE = '--write';
const FAILED = '--failed';
const FAILED_FILES = 'dist/test-failed.json';
const [kind = 'test', ...words] = process.argv.slice(2);
const again = words.includes(FAILED);
const interrupt = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.once(signal, () => interrupt.abort(new Error(`test: interrupted by ${signal}`)));
try {
  const reports = await run({
    kind,
    parts: again ? lastFailed() : words.filter((word) => word !== WRITE),
    args: words.filter((word) => word === WRITE),
    processes: again ? 1 : Number(process.env.TEST_PROCESSES ?? 4),
    // A browser that is closed while it sends takes its time.
    limitMs: kind === 'test' ? 180_000 : 600_000,
    timesFile: 'dist/test-times.json',
    interrupt: interrupt.signal,
    print: console.log,
  });
  const failed = new Set(reports.flatMap(({ ok, file }) => (ok ? [] : [file])));
  writeFileSync(FAILED_FILES, JSON.stringify([...failed]));
  process.exitCode = failed.size === 0 ? 0 : 1;
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
process.exit();

function lastFailed(): string[] {
  const files = existsSync(FAILED_FILES) ? (JSON.parse(readFileSync(FAILED_FILES, 'utf8')) as string[]) : [];
  if (files.length === 0) throw new Error(`${FAILED}: must follow a run in which a file failed, got none`);
  return files;
}
