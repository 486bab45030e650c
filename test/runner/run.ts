import { filesOf, longestFirst, readTimes, saveTimes } from './files.ts';
import { openPlace } from './place.ts';
import { line, summary } from './summary.ts';
import { type FileReport, startProcess } from './test-process.ts';

export interface Run {
  /** What the names of the files end with, such as `test`. */
  readonly kind: string;
  /** Only files with one of these in their path; all where there is none. */
  readonly parts: readonly string[];
  /** The files find them in `process.argv`. */
  readonly args: readonly string[];
  readonly processes: number;
  /** A file that takes longer is ended, and fails. */
  readonly limitMs: number;
  /** Keeps how long files take. */
  readonly timesFile: string;
  /** Ends everything that runs. */
  readonly interrupt: AbortSignal;
  print(text: string): void;
}

const LONG_MS = 15_000;

/** Runs the test files and gives their reports. Throws where there is no such file, and when it is interrupted. */
export async function run({
  kind,
  parts,
  args,
  processes,
  limitMs,
  timesFile,
  interrupt,
  print,
}: Run): Promise<FileReport[]> {
  const waiting = longestFirst(filesOf(kind, parts), readTimes(timesFile));
  const total = waiting.length;
  const began = performance.now();
  const place = openPlace();
  const running = new Map<string, number>();
  const reports: FileReport[] = [];

  const keep = (report: FileReport): void => {
    if (interrupt.aborted) return;
    reports.push(report);
    print(`${String(reports.length).padStart(4)} of ${total} · ${line(report)}`);
    if (!report.ok) print(report.output);
  };
  /** One process, until it has failed: then it may have left anything behind. */
  const runFiles = async (): Promise<void> => {
    const child = startProcess({ ...place, limitMs, args });
    interrupt.addEventListener('abort', child.kill);
    let file = waiting.shift();
    while (file !== undefined) {
      running.set(file, performance.now());
      const report = await child.run(file);
      running.delete(file);
      keep(report);
      file = report.ok ? waiting.shift() : undefined;
    }
    const late = await child.end();
    if (late) keep(late);
    interrupt.removeEventListener('abort', child.kill);
  };
  const work = async (): Promise<void> => {
    while (waiting.length > 0 && !interrupt.aborted) await runFiles();
  };

  const reminder = setInterval(() => {
    const long = [...running].filter(([, since]) => performance.now() - since > LONG_MS).map(([file]) => file);
    if (long.length > 0) print(`             still running: ${long.join(', ')}`);
  }, LONG_MS);
  try {
    await Promise.all(Array.from({ length: Math.min(processes, total) }, work));
  } finally {
    clearInterval(reminder);
    await place.close();
  }
  interrupt.throwIfAborted();
  saveTimes(timesFile, Object.fromEntries(reports.map(({ file, ms }) => [file, Math.round(ms)])));
  print(summary(reports, performance.now() - began));
  return reports;
}
