import { startPostgres } from '../../support/postgres.ts';
import { until } from '../../support/until.ts';
import type { Arrived } from '../audit.ts';
import { atLeast, atMost } from '../findings.ts';
import { pause } from '../random.ts';
import type { Fault } from './fault.ts';
import { underLoad } from './run.ts';

const TAKEN_OVER_WITHIN_SECONDS = 10;
const WORKER = { PROCESS: 'worker' };
const OWNERS = 'select count(distinct owner)::int as count from headless_events.pipelines where lease_until > now()';

/** A worker is killed while it moves pipelines; another one goes on with them. */
export const takeover: Fault = {
  name: 'takeover',
  seconds: { usual: 20, short: 9 },
  async play(options) {
    const postgres = await startPostgres();
    try {
      const database = await postgres.createDatabase();
      const rules = { slowestSeconds: 5, environment: { PROCESS: 'web' } };
      return await underLoad(options, database, rules, async (run) => {
        const [, worker] = await Promise.all([run.start(WORKER), run.start(WORKER)]);
        const owners = async () => (await postgres.query<{ count: number }>(database, OWNERS))[0]?.count;
        await until(async () => (await owners()) === 2);
        await pause(1000);
        const killedAt = Date.now();
        await worker.kill();
        await pause(options.seconds * 1000);
        const longest = longestPause(run.arrivals(), killedAt);
        return [
          atMost('TAKEN', 'seconds a destination waited after the kill', longest, TAKEN_OVER_WITHIN_SECONDS),
          atLeast('MET', 'seconds of that: the killed process did move one', longest, 2),
        ];
      });
    } finally {
      await postgres.stop();
    }
  },
};

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
