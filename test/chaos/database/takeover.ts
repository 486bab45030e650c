import { startPostgres } from '../../support/postgres.ts';
import { until } from '../../support/until.ts';
import type { Arrived } from '../audit.ts';
import { atLeast, atMost, type Finding } from '../findings.ts';
import type { Gateway } from '../gateway.ts';
import { pause } from '../random.ts';
import type { Fault, FaultOptions } from './fault.ts';
import { underLoad } from './run.ts';

/** Until two processes have started, on a busy machine. */
const OWNED_MS = 60_000;

const TAKEN_OVER_WITHIN_SECONDS = 10;
const THAWED_MS = 3000;
const WORKER = { PROCESS: 'worker' };
const OWNERS = 'select count(distinct owner)::int as count from headless_events.pipelines where lease_until > now()';

/** A worker is killed while it moves pipelines; another one goes on with them. */
export const takeover: Fault = {
  name: 'takeover',
  seconds: { usual: 20, short: 9 },
  play: (options) => withoutWorker(options, (worker) => worker.kill()),
};

/** A worker stands still while it moves pipelines, and goes on when others have them: what it still sends must be in order, what it saves void. */
export const freeze: Fault = {
  name: 'freeze',
  seconds: { usual: 20, short: 9 },
  play: (options) =>
    withoutWorker(
      options,
      ({ pid }) => process.kill(pid, 'SIGSTOP'),
      async ({ pid }) => {
        process.kill(pid, 'SIGCONT');
        await pause(THAWED_MS);
      },
    ),
};

async function withoutWorker(
  options: FaultOptions,
  take: (worker: Gateway) => unknown,
  giveBack: (worker: Gateway) => unknown = () => {},
): Promise<Finding[]> {
  const postgres = await startPostgres();
  try {
    const database = await postgres.createDatabase();
    const rules = { slowestSeconds: 10, environment: { PROCESS: 'web' } };
    return await underLoad(options, database, rules, async (run) => {
      const [, worker] = await Promise.all([run.start(WORKER), run.start(WORKER)]);
      const owners = async () => (await postgres.query<{ count: number }>(database, OWNERS))[0]?.count;
      await until(async () => (await owners()) === 2, OWNED_MS);
      await pause(1000);
      const goneAt = Date.now();
      await take(worker);
      await pause(options.seconds * 1000);
      const longest = longestPause(run.arrivals(), goneAt);
      await giveBack(worker);
      return [
        atMost('TAKEOVER', 'seconds a destination waited for another worker', longest, TAKEN_OVER_WITHIN_SECONDS),
        atLeast('MET', 'seconds of that: the first did move one', longest, 2),
      ];
    });
  } finally {
    await postgres.stop();
  }
}

/** The longest that any destination went without an arrival from then on. */
function longestPause(arrivals: readonly Arrived[], since: number): number {
  const destinations = [...new Set(arrivals.map(({ destination }) => destination))];
  const pauses = destinations.map((name) => {
    const times = arrivals.filter(({ destination }) => destination === name).map(({ at }) => at);
    const before = times.findLast((at) => at < since) ?? since;
    const after = [...times.filter((at) => at >= since), Date.now()];
    return Math.max(...after.map((at, index) => at - (after[index - 1] ?? before)));
  });
  return Math.max(...pauses) / 1000;
}
