import { run } from './runner/run.ts';

/**
 * Runs the built test files, several at a time: `node dist/test/run.js <kind> [--write] [part of a path …]`. The kind is what
 * their names end with, such as `test` or `system`. With `--write`, files that compare a page with their table write the table
 * first. Fails if a file fails, ends early, takes too long, or has no test.
 */
const WRITE = '--write';
const [kind = 'test', ...words] = process.argv.slice(2);
const interrupt = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.once(signal, () => interrupt.abort(new Error(`test: interrupted by ${signal}`)));
try {
  const reports = await run({
    kind,
    parts: words.filter((word) => word !== WRITE),
    args: words.filter((word) => word === WRITE),
    processes: Number(process.env.TEST_PROCESSES ?? 4),
    // A browser that is closed while it sends takes its time.
    limitMs: kind === 'test' ? 180_000 : 600_000,
    timesFile: 'dist/test-times.json',
    interrupt: interrupt.signal,
    print: console.log,
  });
  process.exitCode = reports.every(({ ok }) => ok) ? 0 : 1;
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
process.exit();
