import type { Answer } from '../answers.ts';
import { atLeast, atMost, type Finding, none } from '../findings.ts';

/** A disk that died under a gateway, in milliseconds since 1970, and how the gateway ended. */
export interface Death {
  readonly at: number;
  readonly exitedAt: number;
  /** The exit code, or the signal that ended it. */
  readonly exit: number | NodeJS.Signals | null;
}

/** What a clock of whole milliseconds may hide. */
const BLUR_MS = 2;

/** How LMDB ends a process: where a write of a page fails it may break the heap. Nothing is promised by that, so it counts and passes. */
const ABORTS: readonly Death['exit'][] = ['SIGABRT', 'SIGSEGV', 'SIGBUS'];

/** Whoever comes after the death of the disk gets no 2xx, the gateway says so and ends by itself, with 1 if LMDB lets it. Pure. */
export function judgeDeaths(answers: readonly Answer[], deaths: readonly Death[], limitSeconds: number): Finding[] {
  const within = ({ at = 0, ms = 0 }: Answer) =>
    deaths.some((death) => at - ms > death.at + BLUR_MS && at <= death.exitedAt);
  const after = answers.filter(within);
  const told = answers.filter(
    ({ at = 0, why }) => why === '503' && deaths.some((death) => at >= death.at && at <= death.exitedAt + BLUR_MS),
  );
  const aborted = deaths.filter(({ exit }) => ABORTS.includes(exit));
  const others = deaths.filter(({ exit }) => exit !== 1 && !ABORTS.includes(exit));
  const slowest = Math.max(0, ...deaths.map(({ at, exitedAt }) => exitedAt - at)) / 1000;
  return [
    none('PROMISED', '2xx to requests that came after the disk had died', acked(after)),
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

/** While every sync takes so long, no 2xx comes sooner: it would come before its sync. Pure. */
export function judgeSyncs(answers: readonly Answer[], since: number, leastMs: number): Finding {
  const early = answers.filter(({ at = 0, ms = 0 }) => at - ms > since && ms < leastMs - BLUR_MS);
  return none('EARLY', `2xx sooner than ${leastMs} ms, which each sync takes`, acked(early));
}

/** Events acknowledged per second between two moments. */
export function ackedPerSecond(answers: readonly Answer[], from: number, to: number): number {
  const within = answers.filter(({ kind, at = 0 }) => kind === 'acked' && at > from && at <= to);
  return (within.reduce((sum, { count }) => sum + count, 0) / (to - from)) * 1000;
}

const acked = (answers: readonly Answer[]): string[] =>
  answers.filter(({ kind }) => kind === 'acked').map((answer) => JSON.stringify(answer));
