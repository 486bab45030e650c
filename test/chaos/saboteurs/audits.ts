import { join } from 'node:path';
import type { Finding } from '../findings.ts';
import { playedApart } from '../player.ts';
import type { Result } from '../scenario.ts';
import { books } from './books.ts';
import { lookback } from './lookback.ts';
import { orders } from './orders.ts';
import type { AuditName } from './saboteur.ts';
import { unreadable } from './unreadable.ts';

export interface AuditOptions {
  /** Empty, and kept by the caller. */
  readonly folder: string;
  /** The main.js to audit. */
  readonly entry: string;
  readonly seed: number;
}

/** Plays a build, honest or not, and gives what was found. */
export type AuditOf = (options: AuditOptions) => Promise<Result>;

/** The same audits as everywhere, in short form. How long destinations may take to catch up is how long a loss is waited for. */
export const audits: Readonly<Record<AuditName, AuditOf>> = {
  books: here(books),
  orders: here(orders),
  unreadable: here(unreadable),
  lookback: here(lookback),
  // Others run beside it, so how long a shopper waits says little.
  shutout: scenario('shutout', '--only unfinished --seconds 3 --spare-ms 3000'),
  // Whoever parses all of it at once stops everybody for more than a second.
  dust: scenario('shutout', '--only chunk-dust --seconds 3 --spare-ms 2000'),
  // A gateway that answers all of it at once takes every turn for it: others wait for more than a second.
  pipelines: scenario('shutout', '--only pipelines --seconds 4 --spare-ms 300'),
  kill: scenario('kill', '--kills 2 --seconds 4 --rate 2500 --least-acked 300 --quiet-seconds 10'),
  // A pipeline whose process was killed is taken up again when its lease has run out, after six seconds.
  'kill on PostgreSQL': scenario(
    'kill',
    '--log postgres --kills 2 --seconds 6 --rate 1500 --least-acked 300 --quiet-seconds 20',
  ),
  'crash of PostgreSQL': scenario('database', '--fault kill --seconds 8 --quiet-seconds 12'),
  power: scenario('power', '--cuts 1 --rounds 1 --seconds-each 2 --rate 2000 --least-acked 300 --quiet-seconds 10'),
};

/** Played in this process. */
function here(audit: (options: AuditOptions) => Promise<readonly Finding[]>): AuditOf {
  return async (options) => {
    const findings = await audit(options);
    return { verdict: findings.every(({ passed }) => passed) ? 'passed' : 'failed', findings };
  };
}

/** None takes a minute; one that has not ended by then never will. */
const LATE_MS = 240_000;

function scenario(name: string, options: string): AuditOf {
  return ({ folder, entry, seed }) =>
    playedApart(name, {
      options: ['--entry', entry, '--seed', String(seed), ...options.split(' ')],
      path: join(folder, 'audit'),
      limitMs: LATE_MS,
    });
}
