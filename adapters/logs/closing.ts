import { LogUnavailable } from './log.ts';
import type { Cursor } from './state.ts';
import type { Store } from './store.ts';

/** What may wait without end: closing rejects it. All else that was asked has an end, and closing waits for it. */
const WAITING: ReadonlySet<PropertyKey> = new Set(['read', 'claim', 'suspend', 'resume', 'discardDead']);

/**
 * The same store, but everything asked of it after it was closed fails with LogUnavailable, and so do the reads and claims that wait
 * then. A closed log that went on answering "nothing" would keep whoever reads it in a loop that never lets a timer run.
 */
export function endedByClose(store: Store): Store {
  const inHand = new Set<Promise<unknown>>();
  const waiting = new Set<(error: Error) => void>();
  let isClosed = false;

  const refuse = (name: PropertyKey): Promise<never> => {
    const error = new LogUnavailable('the log is closed');
    // It alone gives no promise.
    if (name === 'replaysChanged') throw error;
    return Promise.reject(error);
  };
  const kept = <T>(answer: Promise<T>): Promise<T> => {
    const settled: Promise<unknown> = answer.then(
      () => inHand.delete(settled),
      () => inHand.delete(settled),
    );
    inHand.add(settled);
    return answer;
  };
  const given = <T>(answer: Promise<T>): Promise<T> =>
    new Promise((resolve, reject) => {
      waiting.add(reject);
      const settled = <R>(settle: (result: R) => void) => {
        return (result: R): void => {
          waiting.delete(reject);
          settle(result);
        };
      };
      answer.then(settled(resolve), settled(reject));
    });
  const result = (name: PropertyKey, answer: unknown): unknown => {
    if (name === 'claim') return given((answer as Promise<Cursor>).then((cursor) => calls(cursor, ['save'])));
    // The log's own close ends the appends.
    if (!(answer instanceof Promise) || name === 'append') return answer;
    return WAITING.has(name) ? given(answer) : kept(answer);
  };
  /** `only`: the names of the methods that need the log; all, if absent. */
  const calls = <T extends object>(target: T, only?: readonly PropertyKey[]): T => {
    const methods = new Map<PropertyKey, unknown>();
    const methodOf = (name: PropertyKey, value: (...args: unknown[]) => unknown) => {
      if (only?.includes(name) === false) return value.bind(target);
      return (...args: unknown[]) => (isClosed ? refuse(name) : result(name, value.apply(target, args)));
    };
    return new Proxy(target, {
      get: (_, name) => {
        const known = methods.get(name);
        if (known !== undefined) return known;
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== 'function') return value;
        const method = name === 'close' ? () => end(() => value.apply(target)) : methodOf(name, value as never);
        methods.set(name, method);
        return method;
      },
    });
  };
  const end = async (close: () => Promise<void>): Promise<void> => {
    isClosed = true;
    for (const reject of waiting) reject(new LogUnavailable('the log is closed'));
    waiting.clear();
    await Promise.all(inHand);
    await close();
  };
  const closeAll = store.close;
  let closing: Promise<void> | undefined;
  return {
    ...store,
    log: calls(store.log),
    state: calls(store.state),
    close: () => {
      closing ??= end(closeAll);
      return closing;
    },
  };
}
