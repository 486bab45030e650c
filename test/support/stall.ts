/**
 * The longest time, in milliseconds, that nothing else could run while this did. Time in which the machine gave its processor to others
 * is not counted: it is no fault of the code.
 */
export async function stallDuring(work: () => Promise<unknown>): Promise<number> {
  const watch = watchStalls();
  try {
    await work();
    // What was done last is over only when others have had their turn.
    await new Promise((resolve) => setImmediate(resolve));
  } finally {
    watch.stop();
  }
  return watch.longest();
}

/** How often it is looked at. A stall may be found longer by this. */
const APART_MS = 4;

/**
 * Watches this process until it is told to stop, and hardly costs it anything while it has nothing to do. `longest` gives the longest stall in
 * milliseconds since it was asked last.
 */
export function watchStalls(): { longest: () => number; stop: () => void } {
  let longest = 0;
  let wall = performance.now();
  let processor = process.cpuUsage();
  const look = () => {
    const used = process.cpuUsage(processor);
    const passed = performance.now() - wall;
    longest = Math.max(longest, Math.min(passed, (used.user + used.system) / 1000));
    wall = performance.now();
    processor = process.cpuUsage();
  };
  const timer = setInterval(look, APART_MS);
  return {
    longest: () => {
      // What was done a moment ago may have kept the timer waiting too.
      look();
      const found = longest;
      longest = 0;
      return found;
    },
    stop: () => clearInterval(timer),
  };
}

/** The same, the best of three: a garbage collection that was due anyway comes in one of them. */
export async function leastStallOf(work: () => Promise<unknown>): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let run = 0; run < 3 && least > 20; run += 1) least = Math.min(least, await stallDuring(work));
  return least;
}
