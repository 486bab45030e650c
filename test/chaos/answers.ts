import { atMost, type Finding, none } from './findings.ts';
import type { Entry } from './ledger.ts';

/** What became of one request of the load. */
export type Answer = Extract<Entry, { kind: 'acked' | 'refused' | 'unknown' }>;

export interface AnswerRules {
  /** How long any answer may take. */
  readonly slowestSeconds: number;
  /** The scenario itself breaks connections off, so that some requests get no answer. */
  readonly breaks?: boolean | undefined;
}

export const isAnswer = (entry: Entry): entry is Answer => entry.kind !== 'sent';

/** A good load is taken, or told when to come again: with any other answer its clients would give up. Pure. */
export function judgeTold(answers: readonly Answer[]): Finding[] {
  const complete = answers.filter(({ kind }) => kind !== 'unknown');
  const refusals = complete.filter(({ why }) => why === '503');
  const other = complete.filter(({ kind, why }) => kind === 'refused' && why !== '503');
  const without = refusals.filter(({ retryAfter }) => !(Number(retryAfter) >= 1));
  return [
    none('ANSWERS', `other than 2xx or 503, of ${complete.length} answers`, other.map(text)),
    none('RETRY-AFTER', `missing on one of ${refusals.length} answers of 503`, without.map(text)),
  ];
}

/** While a log is away, clients are answered soon all the same. Pure. */
export function judgeAnswers(answers: readonly Answer[], { slowestSeconds, breaks = false }: AnswerRules): Finding[] {
  const unanswered = answers.filter(({ kind }) => kind === 'unknown').map(text);
  const slowest = answers.reduce((most, { ms = 0 }) => Math.max(most, ms), 0) / 1000;
  return [
    ...(breaks ? [] : [none('UNANSWERED', 'requests with no answer, although nobody broke them off', unanswered)]),
    atMost('SLOWEST', 'seconds to the slowest answer', slowest, slowestSeconds),
  ];
}

/** Seconds from a moment to the first 2xx after it; nothing, where none has come yet. */
export function ackedAfter(answers: readonly Answer[], moment: number): number | undefined {
  const times = answers.flatMap(({ kind, at = 0 }) => (kind === 'acked' && at >= moment ? [at] : []));
  return times.length === 0 ? undefined : (Math.min(...times) - moment) / 1000;
}

export const refusals = (answers: readonly Answer[]): number => answers.filter(({ why }) => why === '503').length;

const text = (answer: Answer): string => JSON.stringify(answer);
