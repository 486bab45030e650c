import type { Finding } from '../findings.ts';
import type { Result } from '../scenario.ts';
import type { Saboteur } from './saboteur.ts';

/** What an audit said of a build. */
export type Trial = Result;

/** How long something took is not what saboteurs are found out by, and several are played at the same time. */
const TIMES = ['READY', 'SLOWEST', 'TIME', 'BACK', 'ONWARD'];

/** A saboteur must fail, by the finding that tells what it does; the count is how often it was seen doing that. Pure, as the others. */
export function caught({ name, does, audit, caughtBy }: Saboteur, trial: Trial): Finding {
  const { verdict, why, findings } = trial;
  const evidence = findings.filter((one) => caughtBy.includes(one.name) && !one.passed);
  const count = evidence.reduce((sum, one) => sum + one.count, 0);
  const by = caughtBy.join(' or ');
  const meaning = `${does}; found out by ${by} of the audit "${audit}"`;
  if (verdict === 'not run') return notRun(meaning, why);
  return {
    name,
    meaning: count > 0 ? meaning : `${does}; WENT FREE of ${by} of the audit "${audit}"`,
    count,
    passed: count > 0,
    examples: count > 0 ? evidence.flatMap(({ examples }) => examples).slice(0, 1) : failuresOf(trial),
  };
}

/** The build as it is must pass: an audit that fails everybody proves nothing. */
export function honest(audit: string, trial: Trial): Finding {
  const { verdict, why, findings } = trial;
  const meaning = `what the honest build fails of the audit "${audit}"`;
  if (verdict === 'not run') return notRun(meaning, why);
  const failures = failuresOf(trial);
  const nothing = why === undefined && findings.length === 0 ? ['it has no findings'] : [];
  const examples = [...failures, ...nothing];
  return { name: 'HONEST', meaning, count: examples.length, passed: examples.length === 0, examples };
}

const notRun = (meaning: string, why = ''): Finding => ({
  name: 'NOT RUN',
  meaning,
  count: 1,
  passed: false,
  examples: [why],
});

function failuresOf({ why, findings }: Trial): string[] {
  const failed = findings.filter(({ name, passed }) => !passed && !TIMES.includes(name));
  const words = failed.map(
    ({ name, count, meaning, examples }) => `${name} ${count}: ${meaning} ${examples.join(' ')}`,
  );
  return [...(why === undefined ? [] : [why]), ...words];
}
