import { LogUnavailable } from './log.ts';
import { METHODS, type Method, type PartName, type Parts } from './methods.ts';
import type { Cursor } from './state/cursors.ts';
import type { Store } from './store.ts';

type Call = (...args: unknown[]) => unknown;

/**
 * The same store, but after `close` every call fails with LogUnavailable, and so do reads and claims that are waiting then. If a closed log went
 * on answering "nothing", its readers would loop without ever letting a timer run.
 */
export function endedByClose(store: Store): Store {
  const underWay = new Set<Promise<unknown>>();
  const waiting = new Set<(error: Error) => void>();
  let isClosed = false;

  const awaitedByClose = <T>(answer: Promise<T>): Promise<T> => {
    const settled: Promise<unknown> = answer.then(
      () => underWay.delete(settled),
      () => underWay.delete(settled),
    );
    underWay.add(settled);
    return answer;
  };
  const rejectedByClose = <T>(answer: Promise<T>): Promise<T> =>
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
  const closedCursor = (cursor: Cursor): Cursor =>
    guarded(cursor, (name, call) =>
      name === 'save' ? (...args) => (isClosed ? refused() : awaitedByClose(call(...args) as Promise<void>)) : call,
    );
  const answered = (part: PartName, name: string, answer: unknown): unknown => {
    if (part === 'cursors' && name === 'claim')
      return rejectedByClose((answer as Promise<Cursor>).then((cursor) => closedCursor(cursor)));
    // Appends are ended by the log's own close.
    if (!(answer instanceof Promise) || (part === 'log' && name === 'append')) return answer;
    const methods: Readonly<Record<string, Method>> = METHODS[part];
    return methods[name]?.mayWait ? rejectedByClose(answer) : awaitedByClose(answer);
  };
  const end = async (close: () => Promise<void>): Promise<void> => {
    isClosed = true;
    for (const reject of waiting) reject(closed());
    waiting.clear();
    await Promise.all(underWay);
    await close();
  };
  const part = <P extends PartName>(name: P, target: Parts[P]): Parts[P] =>
    guarded(target, (method, call) => {
      if (name === 'log' && method === 'close') return () => end(call as () => Promise<void>);
      return (...args) => {
        if (!isClosed) return answered(name, method, call(...args));
        // It returns a signal and no promise.
        if (name === 'replays' && method === 'changed') throw closed();
        return refused();
      };
    });

  const { log, state, close: closeAll } = store;
  let closing: Promise<void> | undefined;
  return {
    ...store,
    log: part('log', log),
    state: {
      cursors: part('cursors', state.cursors),
      journal: part('journal', state.journal),
      deadLetters: part('deadLetters', state.deadLetters),
      quarantine: part('quarantine', state.quarantine),
      replays: part('replays', state.replays),
      jobs: part('jobs', state.jobs),
    },
    close: () => {
      closing ??= end(closeAll);
      return closing;
    },
  };
}

const closed = (): LogUnavailable => new LogUnavailable('the log is closed');
const refused = (): Promise<never> => Promise.reject(closed());

/** The same object with each method wrapped by `guard`. Other properties are read from the target each time. */
function guarded<T extends object>(target: T, guard: (name: string, call: Call) => Call): T {
  const methods = new Map<PropertyKey, Call>();
  return new Proxy(target, {
    get: (_, name) => {
      const known = methods.get(name);
      if (known !== undefined) return known;
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      const method = guard(String(name), value.bind(target) as Call);
      methods.set(name, method);
      return method;
    },
  });
}
