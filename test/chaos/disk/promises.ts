import type { Answer } from '../answers.ts';
import { atLeast, atMost, exactly, type Finding, none } from '../findings.ts';
import type { Entry } from '../ledger.ts';

/** A disk that died under a gateway, in milliseconds since 1970, and how the gateway ended. */
export interface Death {
  readonly at: number;
  /** Most that a gateway takes to know of it, while a commit may still succeed; absent where none can. */
  readonly graceMs?: number;
  readonly exitedAt: number;
  /** The exit code, or the signal that ended it. */
  readonly exit: number | NodeJS.Signals | null;
  /** All that the gateway printed, from its start to its end. */
  readonly printed: string;
}

/** What a clock of whole milliseconds may hide. */
const BLUR_MS = 2;

/**
 * From a sync that fails to when the gateway knows: the word goes from the thread of the commit over its tracer to a main thread that is
 * busy. It takes 1 to 40 ms. Until then a commit of another thread, whose own syncs do not fail yet, is as good as any.
 */
export const LEARN_MS = 50;

/** How LMDB ends a process: where a write of a page fails it may break the heap. Nothing is promised by that, so it counts and passes. */
const ABORTS: readonly Death['exit'][] = ['SIGABRT', 'SIGSEGV', 'SIGBUS'];

/** LMDB's own words may stand on the same line. */
const FATAL = /"level":"fatal","time":"([^"]+)"/;

/** Whoever comes after the gateway knows that its disk has died gets no 2xx, the gateway says so and ends by itself, with 1 if LMDB lets it. Pure. */
export function judgeDeaths(answers: readonly Answer[], deaths: readonly Death[], limitSeconds: number): Finding[] {
  const after = answers.filter(({ at = 0, ms = 0 }) =>
    deaths.some((death) => at - ms > knownAt(death) + BLUR_MS && at <= death.exitedAt),
  );
  const told = answers.filter(
    ({ at = 0, why }) => why === '503' && deaths.some((death) => at >= death.at && at <= death.exitedAt + BLUR_MS),
  );
  const aborted = deaths.filter(({ exit }) => ABORTS.includes(exit));
  const others = deaths.filter(({ exit }) => exit !== 1 && !ABORTS.includes(exit));
  const slowest = Math.max(0, ...deaths.map(({ at, exitedAt }) => exitedAt - at)) / 1000;
  return [
    exactly(
      'MET',
      'deaths that the gateway, or LMDB as it aborted, named',
      deaths.filter(isNamed).length,
      deaths.length,
    ),
    atLeast('ASKED', 'answers to requests that came when the gateway knew of it', after.filter(isComplete).length, 1),
    none('PROMISED', 'of them 2xx', acked(after)),
    atLeast('TOLD', 'answers of 503 from dying gateways', told.length, 1),
    none(
      'EXITS',
      'gateways on a dead disk that ended neither with code 1 nor by an abort of LMDB',
      others.map(({ exit }) => `${exit}`),
    ),
    {
      ...none(
        'ABORTED',
        'of them by an abort of LMDB; counted, not judged',
        aborted.map(({ exit }) => `${exit}`),
      ),
      passed: true,
    },
    atMost('TIME', 'seconds from the death of the disk to the exit', slowest, limitSeconds),
  ];
}

/** When it says so, and whatever it says, when it must. */
const knownAt = ({ at, graceMs = 0, printed }: Death): number =>
  Math.max(at, Math.min(at + graceMs, Date.parse(FATAL.exec(printed)?.[1] ?? '') || Number.POSITIVE_INFINITY));

/**
 * The gateway says so in a fatal line. An abort of LMDB may come before it can, but not before LMDB's own words for the write that failed;
 * and where a page cannot be read, the signal is all there is.
 */
const isNamed = ({ printed, exit }: Death): boolean =>
  FATAL.test(printed) ||
  (ABORTS.includes(exit) && printed.includes('Write error: Input/output error')) ||
  exit === 'SIGBUS';

type Sent = Extract<Entry, { kind: 'sent' }>;

/**
 * Requests that were open at one moment and still are at a later one, by what the ledger held at each. A lane sends one request after
 * the other, so any answer of it that came between is to the one that was open. Pure.
 */
export function stillOpen(before: readonly Entry[], later: readonly Entry[]): Sent[] {
  const open = new Map<string, Sent>();
  for (const entry of before) {
    if (entry.kind === 'sent') open.set(entry.lane, entry);
    else open.delete(entry.lane);
  }
  for (const { kind, lane } of later.slice(before.length)) if (kind !== 'sent') open.delete(lane);
  return [...open.values()];
}

/** While every sync takes this long, no 2xx comes sooner: it would come before its sync. Pure. */
export function judgeSyncs(answers: readonly Answer[], since: number, leastMs: number): Finding {
  const early = answers.filter(({ at = 0, ms = 0 }) => at - ms > since && ms < leastMs - BLUR_MS);
  return none('EARLY', `2xx sooner than ${leastMs} ms, which each sync takes`, acked(early));
}

/** Events acknowledged per second between two moments. */
export function ackedPerSecond(answers: readonly Answer[], from: number, to: number): number {
  const within = answers.filter(({ kind, at = 0 }) => kind === 'acked' && at > from && at <= to);
  return (within.reduce((sum, { count }) => sum + count, 0) / (to - from)) * 1000;
}

const isComplete = ({ kind }: Answer): boolean => kind !== 'unknown';

const acked = (answers: readonly Answer[]): string[] =>
  answers.filter(({ kind }) => kind === 'acked').map((answer) => JSON.stringify(answer));
