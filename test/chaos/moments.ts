/** How many of these moments, in milliseconds, the busiest ten seconds hold. */
export const mostIn10s = (moments: readonly number[]): number =>
  Math.max(0, ...moments.map((begin) => moments.filter((at) => at >= begin && at < begin + 10_000).length));

/** The longest time without any of these moments, from the first of them until a later one, in seconds; infinite where there is none. */
export function longestGap(moments: readonly number[], until: number): number {
  const [first = Number.NEGATIVE_INFINITY, ...others] = moments.toSorted((a, b) => a - b);
  let before = first;
  let longest = 0;
  for (const at of [...others, until]) {
    longest = Math.max(longest, at - before);
    before = at;
  }
  return longest / 1000;
}
