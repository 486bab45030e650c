/** The longest time, in milliseconds, that nothing else could run while this did. */
export async function stallDuring(work: () => Promise<unknown>): Promise<number> {
  let longest = 0;
  let last = performance.now();
  let watching = true;
  const look = () => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
    if (watching) setImmediate(look);
  };
  setImmediate(look);
  try {
    await work();
    // What was done last is over only when others have had their turn.
    await new Promise((resolve) => setImmediate(resolve));
  } finally {
    watching = false;
  }
  return longest;
}

/** The same, the best of three: a pause of the machine is no fault of the code. */
export async function leastStallOf(work: () => Promise<unknown>): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let run = 0; run < 3 && least > 20; run += 1) least = Math.min(least, await stallDuring(work));
  return least;
}
