/** One thing that was looked for, and what was found of it. */
export interface Finding {
  readonly name: string;
  readonly meaning: string;
  /** How many there were, or the measured value. */
  readonly count: number;
  readonly passed: boolean;
  /** The first few, to start searching from. */
  readonly examples: readonly string[];
}

/** Passes where there is nothing of the kind. */
export const none = (name: string, meaning: string, items: readonly string[]): Finding => ({
  name,
  meaning,
  count: items.length,
  passed: items.length === 0,
  examples: items.slice(0, 3),
});

/** Passes where a measured value is at most the limit. */
export const atMost = (name: string, meaning: string, value: number, limit: number): Finding => ({
  name,
  meaning: `${meaning}, at most ${limit}`,
  count: Math.round(value * 100) / 100,
  passed: value <= limit,
  examples: [],
});

/** Passes where a count is the expected one. */
export const exactly = (name: string, meaning: string, count: number, expected: number): Finding => ({
  name,
  meaning: `${meaning}, expected ${expected}`,
  count,
  passed: count === expected,
  examples: [],
});

/** A figure to look at; it passes whatever it is. */
export const measured = (name: string, meaning: string, value: number): Finding => ({
  name,
  meaning,
  count: Math.round(value),
  passed: true,
  examples: [],
});

/** Passes where a count is at least this many: what was to be met has been met. */
export const atLeast = (name: string, meaning: string, count: number, least: number): Finding => ({
  name,
  meaning: `${meaning}, at least ${least}`,
  count,
  passed: count >= least,
  examples: [],
});
