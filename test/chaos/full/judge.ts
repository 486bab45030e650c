import { type Finding, none } from '../findings.ts';
import type { Gap } from './keeper.ts';
import type { Probed } from './probe.ts';

/** How far apart the end of a gateway and that of its connections may be noticed, on a busy machine. */
const BLUR_MS = 100;

/**
 * Whoever asks is answered 2xx, or 503 with when to come again. Only a gateway that is not there gives no answer: none can be reached
 * from its end until the next is ready, and what it had accepted breaks as it ends. Pure.
 */
export function judgeProbes(seen: readonly Probed[], gaps: readonly Gap[]): Finding[] {
  const others = seen.filter(({ unanswered }) => unanswered === undefined).filter((one) => !isGood(one));
  const unexplained = seen.filter((one) => one.unanswered !== undefined && !gaps.some((gap) => isExplained(one, gap)));
  const dropped = unexplained.filter((one) => gaps.some((gap) => isDropped(one, seen[seen.indexOf(one) + 1], gap)));
  return [
    none('ANSWERS', 'answers that were neither 2xx nor 503 with Retry-After', others.map(text)),
    none(
      'UNANSWERED',
      'requests with no answer that no end of a gateway explains',
      unexplained.filter((one) => !dropped.includes(one)).map(text),
    ),
    {
      ...none('DROPPED', 'others, by a start that waited for room and went on; counted, not judged', dropped.map(text)),
      passed: true,
    },
  ];
}

const isGood = ({ status, retryAfter }: Probed): boolean =>
  status === 201 || (status === 503 && retryAfter !== undefined);

function isExplained({ at, ms, unanswered }: Probed, { endedAt, overAt }: Gap): boolean {
  if (unanswered?.kind === 'broken') return Math.abs(at + ms - endedAt) <= BLUR_MS;
  return at + ms >= endedAt - BLUR_MS && at <= overAt;
}

/**
 * A start without room answers for the gateway. As it gets some it closes its port, and the system breaks off what it had not handed over
 * yet; then nobody can be reached until the log is open. What breaks while the port stays open is another matter.
 */
const isDropped = ({ at, unanswered }: Probed, next: Probed | undefined, { endedAt, overAt }: Gap): boolean =>
  unanswered?.kind === 'broken' && at >= endedAt && at <= overAt && next?.unanswered?.kind === 'unreached';

const text = (one: Probed): string => JSON.stringify(one);
