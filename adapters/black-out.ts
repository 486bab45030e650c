/**
 * Replaces every stretch of a text that some secret covers, by the replacement of the longest secret in it. Secrets may contain one another or
 * overlap in the text: nothing of any of them stays, in whatever order they are given. Empty secrets are ignored.
 */
export function blackOut(text: string, secrets: Iterable<readonly [secret: string, instead: string]>): string {
  let rest = text;
  for (const { start, end, instead } of covered(text, secrets)) rest = rest.slice(0, start) + instead + rest.slice(end);
  return rest;
}

interface Stretch {
  readonly start: number;
  readonly end: number;
  readonly instead: string;
  /** Length of the longest secret in the stretch. */
  readonly length: number;
}

/** From the last to the first, so that the offsets of the others stay valid. */
function covered(text: string, secrets: Iterable<readonly [string, string]>): Stretch[] {
  const found = [...secrets].flatMap(([secret, instead]) => {
    const stretches: Stretch[] = [];
    const { length } = secret;
    for (let start = length > 0 ? text.indexOf(secret) : -1; start >= 0; start = text.indexOf(secret, start + 1))
      stretches.push({ start, end: start + length, instead, length });
    return stretches;
  });
  const merged: Stretch[] = [];
  for (const one of found.sort((a, b) => a.start - b.start || b.length - a.length)) {
    const last = merged.at(-1);
    if (last === undefined || one.start >= last.end) merged.push(one);
    else
      merged[merged.length - 1] = {
        ...(one.length > last.length ? one : last),
        start: last.start,
        end: Math.max(one.end, last.end),
      };
  }
  return merged.reverse();
}
