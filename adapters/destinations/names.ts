import type { LookupFunction } from 'node:net';

/** The system looks so many names up at once, unless UV_THREADPOOL_SIZE says otherwise. */
const AT_ONCE = 2;
/** A look-up that takes longer is one of a name in trouble. */
const SLOW_MS = 1_000;

type Answer = Parameters<Parameters<LookupFunction>[2]>;

/** A name that is to be looked up, and who waits for it. */
interface Wanted {
  readonly host: string;
  readonly options: Parameters<LookupFunction>[1];
  readonly waiting: Parameters<LookupFunction>[2][];
}

/**
 * Looks up like `lookup`, and so that names in trouble do not hold up the others: one whose server does not answer takes ten seconds
 * and more, and a few of them would take every place there is. Each name is looked up once at a time, whoever asks; those that
 * went well before come first, and those in trouble share one place.
 */
export function fairLookup(lookup: LookupFunction, now: () => number = () => performance.now()): LookupFunction {
  const wanted = new Map<string, Wanted>();
  const running = new Set<string>();
  /** How each name did when it was looked up last. */
  const did = new Map<string, 'well' | 'badly'>();
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
      for (const callback of waiting) callback(...answer);
      next();
    });
  };
  return (host, options, callback) => {
    const key = JSON.stringify([host, options]);
    const same = wanted.get(key);
    if (same) return void same.waiting.push(callback);
    wanted.set(key, { host, options, waiting: [callback] });
    next();
  };
}
