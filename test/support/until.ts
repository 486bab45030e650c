/**
 * Waits until the check gives something truthy, and gives that; fails with the last thing seen. Never a fixed sleep. What takes long to
 * come, or to look at, is looked at less often, since looking costs time of the processor.
 */
export async function until<T>(check: () => T | Promise<T>, timeoutMs = 10_000): Promise<NonNullable<T>> {
  const started = performance.now();
  for (;;) {
    const looked = performance.now();
    const value = await check();
    if (value) return value;
    const now = performance.now();
    const [passedMs, lookMs] = [now - started, now - looked];
    if (passedMs > timeoutMs)
      throw new Error(`not within ${timeoutMs} ms: ${check.toString()} gave ${JSON.stringify(value)}`);
    await new Promise((resolve) => setTimeout(resolve, Math.min(100, Math.max(10, passedMs / 10, 3 * lookMs))));
  }
}
