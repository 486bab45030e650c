import { suite } from 'uvu';

type Step = () => unknown | Promise<unknown>;

export interface Suite {
  it(promise: string, test: Step, options?: { timeoutMs?: number }): void;
  /** A promise that is not tried here, and why. It is printed as skipped. */
  skip(promise: string, reason: string): void;
  before(step: Step): void;
  after(step: Step): void;
  beforeEach(step: Step): void;
  afterEach(step: Step): void;
}

/** What the suites of this process did. */
export interface Counts {
  readonly passed: number;
  readonly failed: number;
  /** Promises that were not tried, each with its reason. */
  readonly skipped: readonly string[];
  readonly tests: readonly { readonly name: string; readonly ms: number }[];
}

/** For all that a suite prepares, and for all that it clears away. */
const PREPARING_MS = 120_000;

const fresh = () => ({ passed: 0, failed: 0, skipped: [] as string[], tests: [] as { name: string; ms: number }[] });
let totals = fresh();
let taken = false;

/** The counts since the last call. Who has called it judges them; otherwise this process does when it ends. */
export function takeCounts(): Counts {
  taken = true;
  const counts = totals;
  totals = fresh();
  return counts;
}

process.once('exit', () => {
  if (taken) return;
  if (totals.passed + totals.failed + totals.skipped.length === 0) totals.failed += 1;
  if (totals.failed > 0) process.exitCode = 1;
  console.log(`\n${totals.passed} passed, ${totals.failed} failed, ${totals.skipped.length} skipped`);
});

/**
 * The only importer of uvu. uvu alone passes broken suites: here a failing `before` fails every test, a failing `after`
 * fails the run, each test has a time limit (60 s), preparing and clearing away have one of 120 s, and a suite without tests is an error.
 */
export function describe(name: string, define: (suite: Suite) => void): void {
  const run = suite(name);
  const before: Step[] = [];
  const after: Step[] = [];
  const beforeEach: Step[] = [];
  const afterEach: Step[] = [];
  let tests = 0;
  let ready: Promise<void> | undefined;

  define({
    it(promise, test, { timeoutMs = 60_000 } = {}) {
      tests += 1;
      run(promise, () =>
        counted(promise, async () => {
          ready ??= limited(() => inOrder(before), PREPARING_MS);
          await ready;
          try {
            await inOrder(beforeEach);
            await limited(test, timeoutMs);
          } finally {
            await inOrder(afterEach);
          }
        }),
      );
    },
    skip(promise, reason) {
      tests += 1;
      run(`${promise} (skipped: ${reason})`, () => void totals.skipped.push(`${name}: ${promise}: ${reason}`));
    },
    before: (step) => void before.push(step),
    after: (step) => void after.push(step),
    beforeEach: (step) => void beforeEach.push(step),
    afterEach: (step) => void afterEach.push(step),
  });

  if (tests === 0) throw new Error(`${name}: a suite without tests`);
  run.after(async () => {
    try {
      await limited(() => inOrder(after), PREPARING_MS);
    } catch (error) {
      totals.failed += 1;
      console.error(`\n${name}: teardown failed`, error);
    }
  });
  run.run();
}

async function counted(name: string, test: () => Promise<void>): Promise<void> {
  const began = performance.now();
  try {
    await test();
    totals.passed += 1;
  } catch (error) {
    totals.failed += 1;
    throw error;
  } finally {
    totals.tests.push({ name, ms: performance.now() - began });
  }
}

async function inOrder(steps: readonly Step[]): Promise<void> {
  for (const step of steps) await step();
}

async function limited(test: Step, timeoutMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`still running after ${timeoutMs / 1000} s`)), timeoutMs);
  });
  try {
    await Promise.race([test(), late]);
  } finally {
    clearTimeout(timer);
  }
}
