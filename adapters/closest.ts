/** Longer words are no typos, and comparing costs time. */
const LONGEST = 64;

/**
 * The candidate that was probably meant: a typo or two away, or another spelling (success_status). Distances are those of Damerau and
 * Levenshtein; the first of equally near candidates wins. Undefined if none is near.
 */
export function closest(word: string, candidates: readonly string[]): string | undefined {
  if (word.length > LONGEST) return undefined;
  const allowed = Math.max(1, Math.floor(word.length / 4));
  const near = candidates
    .filter((candidate) => Math.abs(plainly(candidate).length - plainly(word).length) <= allowed)
    .map((candidate) => ({ candidate, edits: edits(plainly(word), plainly(candidate)) }))
    .filter((found) => found.edits <= allowed)
    .sort((a, b) => a.edits - b.edits);
  return near[0]?.candidate;
}

/** `; did you mean archive?`, or nothing. */
export function meant(word: string, candidates: readonly string[]): string {
  const candidate = closest(word, candidates);
  return candidate === undefined ? '' : `; did you mean ${candidate}?`;
}

const plainly = (word: string): string => word.toLowerCase().replace(/[^a-z0-9]/g, '');

/** Insertions, deletions, replacements and swaps of neighbours that turn one word into the other. */
function edits(from: string, to: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row += 1) {
    const next = [row];
    for (let column = 1; column <= to.length; column += 1) {
      const same = from[row - 1] === to[column - 1];
      const swapped = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      next[column] = Math.min(
        (last[column] ?? 0) + 1,
        (next[column - 1] ?? 0) + 1,
        (last[column - 1] ?? 0) + (same ? 0 : 1),
        swapped ? (beforeLast[column - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY,
      );
    }
    [beforeLast, last] = [last, next];
  }
  return last[to.length] ?? 0;
}
