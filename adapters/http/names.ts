import type { LookupFunction } from 'node:net';

/** How many names the system looks up at once, unless UV_THREADPOOL_SIZE says otherwise. */
const AT_ONCE = 2;
/** A slower look-up marks the name as failing; requests that wait for it get its last answer. */
const SLOW_MS = 1_000;
/** The same while a look-up waits for its turn. */
const QUEUED_MS = 100;
/** Older answers are not used. */
const KEPT_MS = 3_600_000;

type Answer = Parameters<Parameters<LookupFunction>[2]>;

/** A name that is to be looked up, and the requests that wait for it. */
interface Wanted {
  readonly host: string;
  readonly options: Parameters<LookupFunction>[1];
  readonly waiting: Parameters<LookupFunction>[2][];
}

/** Time as arguments, for tests. */
interface Time {
  readonly now: () => number;
  /** Calls after a delay, in milliseconds, unless what it gives is called before. */
  readonly after: (ms: number, then: () => void) => () => void;
}

const realTime: Time = {
  now: () => performance.now(),
  after: (ms, then) => {
    const timer = setTimeout(then, ms);
    return () => clearTimeout(timer);
  },
};

/**
 * Like `lookup`, but failing names do not delay the others. A name whose server does not answer takes ten seconds or more, and a few of them
 * would occupy every thread. So each name is looked up once at a time for all callers, names that worked before come first, and failing names
 * share one slot. If an answer is late, the previous one is used.
 */
export function fairLookup(lookup: LookupFunction, { now, after }: Time = realTime): LookupFunction {
  const wanted = new Map<string, Wanted>();
  const running = new Set<string>();
  /** The result of the last look-up of each name. */
  const did = new Map<string, 'well' | 'badly'>();
  const said = new Map<string, { readonly answer: Answer; readonly at: number }>();
  const rank = ({ host }: Wanted): number => ['well', undefined, 'badly'].indexOf(did.get(host));

  const next = (): void => {
    const troubled = [...running].some((key) => did.get(wanted.get(key)?.host ?? '') === 'badly');
    const [first] = [...wanted]
      .filter(([key, { host }]) => !running.has(key) && !(troubled && did.get(host) === 'badly'))
      .sort(([, a], [, b]) => rank(a) - rank(b));
    if (first === undefined || running.size >= AT_ONCE) return;
    start(...first);
    next();
  };
  const start = (key: string, { host, options, waiting }: Wanted): void => {
    running.add(key);
    const begin = now();
    lookup(host, options, (...answer: Answer) => {
      running.delete(key);
      wanted.delete(key);
      did.set(host, answer[0] || now() - begin > SLOW_MS ? 'badly' : 'well');
      if (!answer[0]) said.set(key, { answer, at: now() });
      for (const callback of waiting) callback(...answer);
      next();
    });
  };
  return (host, options, callback) => {
    const key = JSON.stringify([host, options]);
    const waiting = wanted.get(key)?.waiting ?? [];
    const answered = (...answer: Answer): void => {
      cancel();
      callback(...answer);
    };
    const full = running.size >= AT_ONCE && !running.has(key);
    const cancel = after(full ? QUEUED_MS : SLOW_MS, () => {
      const last = said.get(key);
      if (last === undefined || now() - last.at > KEPT_MS) return;
      waiting.splice(waiting.indexOf(answered), 1);
      callback(...last.answer);
    });
    waiting.push(answered);
    if (wanted.has(key)) return;
    wanted.set(key, { host, options, waiting });
    next();
  };
}
