import type { Input } from './pieces.ts';
import type { Stage } from './stage.ts';
import { type Exchange, exchange } from './wire.ts';

/** What an input did. */
export interface Trial extends Exchange {
  /** Milliseconds in one piece in which nobody else was served; time that the machine gave to others is not in it. */
  readonly stall: number;
  /** Megabytes that the process grew by. */
  readonly growth: number;
}

/** Sends an input to a gateway and looks at what it does to it. */
export async function trialOf(stage: Stage, { sending }: Input): Promise<Trial> {
  const before = await stage.strain();
  const seen = await exchange(stage.port, sending());
  const { stall, rss } = await stage.strain();
  return { ...seen, stall, growth: rss - before.rss };
}

/**
 * Up to three trials, for what a pause of the machine or a garbage collection that was due anyway would spoil: the shortest stall counts,
 * and the first growth; an answer that is wrong once is wrong. On a machine that is busy with other things an input may also be told to come again (503), which no input is to be told.
 */
export async function bestTrialOf(stage: Stage, input: Input): Promise<Trial> {
  const trials = [await trialOf(stage, input)];
  const last = () => trials.at(-1) as Trial;
  for (let again = 0; again < 2 && (last().stall > 25 || last().ms > 100 || isPutOff(last())); again += 1)
    trials.push(await trialOf(stage, input));
  const answered = trials.filter((trial) => !isPutOff(trial));
  return {
    ...(answered.find((trial) => wrongIn(input, trial).length > 0) ?? answered[0] ?? last()),
    stall: Math.min(...trials.map(({ stall }) => stall)),
    ms: Math.min(...trials.map(({ ms }) => ms)),
    growth: trials[0]?.growth ?? 0,
  };
}

const isPutOff = ({ statuses }: Trial): boolean => statuses.includes(503);

/** What of the answer is another than the input wants; empty where all is well. */
export function wrongIn({ answers, taken, never }: Input, { statuses, text }: Exchange): string[] {
  const known = countIn(text, 'Accepted') + countIn(text, 'Duplicate');
  return [
    ...(shown(statuses) === shown(answers) ? [] : [`expected ${shown(answers)}, got ${shown(statuses)}`]),
    ...(taken === undefined || taken === known ? [] : [`expected ${taken} events to be taken, got ${known}`]),
    ...(never?.test(text) ? [`expected nothing like ${never}`] : []),
    ...(/evil@x|at .*\(.*\.[jt]s:\d+/.test(text) ? ['expected nothing of what it must not say'] : []),
  ].map((fault) => `${fault}: ${text.slice(-300)}`);
}

const countIn = (text: string, what: string): number =>
  [...text.matchAll(new RegExp(`^X-Events-${what}: (\\d+)`, 'gm'))].reduce((sum, [, count]) => sum + Number(count), 0);

/** Statuses as a reader wants them: 422 five times is 5 × 422. */
export function shown(statuses: readonly number[]): string {
  const counts = new Map<number, number>();
  for (const status of statuses) counts.set(status, (counts.get(status) ?? 0) + 1);
  const words = [...counts].map(([status, count]) => (count === 1 ? `${status}` : `${count} × ${status}`));
  return words.join(', ') || 'closed';
}
