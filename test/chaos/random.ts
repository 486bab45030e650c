/** Numbers from 0 to 1, the same for the same seed (mulberry32), so that a failing run can be repeated. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Between 20 and 200 characters, some of them outside ASCII, because those are the ones that get torn. */
export function noise(random: () => number): string {
  return Array.from(
    { length: 20 + Math.floor(random() * 180) },
    () => letters[Math.floor(random() * letters.length)],
  ).join('');
}

const letters = [...'abcdefghijklmnopqrstuvwxyz0123456789 "\\/{}[]:,éß漢🛒'];

/** Resolves after this many milliseconds; at once for none or less. */
export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));
