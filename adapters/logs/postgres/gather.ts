interface Asked<T, R> {
  readonly item: T;
  readonly resolve: (answer: R) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Runs one query at a time and combines everything asked for meanwhile, up to `most` items per query: thousands of pipelines that start or stop
 * cost a few statements. `ask` gives answers in the order of the items; if it fails, it fails for each of them.
 */
export function gather<T, R>(
  most: number,
  ask: (items: readonly T[]) => Promise<readonly R[]>,
): (item: T) => Promise<R> {
  let waiting: Asked<T, R>[] = [];
  let isAsking = false;
  const askAll = async (): Promise<void> => {
    isAsking = true;
    // After everything that is asked in the same turn.
    await new Promise(setImmediate);
    while (waiting.length > 0) {
      const group = waiting.slice(0, most);
      waiting = waiting.slice(most);
      try {
        const answers = await ask(group.map(({ item }) => item));
        for (const [i, { resolve }] of group.entries()) resolve(answers[i] as R);
      } catch (error) {
        for (const { reject } of group) reject(error);
      }
    }
    isAsking = false;
  };
  return (item) =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject });
      if (!isAsking) void askAll();
    });
}
