import { startPostgres } from '../../support/postgres.ts';
import { refusals } from '../answers.ts';
import { atLeast, none } from '../findings.ts';
import type { Gateway } from '../gateway.ts';
import { pause } from '../random.ts';
import type { Fault } from './fault.ts';
import { inTime, recovered, repeatedly } from './recovery.ts';
import { underLoad } from './run.ts';

/** kill -9 of the database with all its processes, at random moments, and a start. */
export const kill: Fault = {
  name: 'kill',
  times: { usual: 50, short: 3 },
  async play(options) {
    const postgres = await startPostgres();
    try {
      return await underLoad(options, await postgres.createDatabase(), { slowestSeconds: 15 }, async (run) => {
        const ready: number[] = [];
        const recoveries = await repeatedly(options, async () => {
          await pause(500 + 1500 * run.random());
          await postgres.kill();
          ready.push(await readyz(run.gateway));
          await pause(1000 * run.random());
          return recovered(run, postgres, postgres.start);
        });
        const wrong = ready.filter((status) => status !== 503).map(String);
        return [
          ...inTime(recoveries),
          atLeast('KILLS', 'times killed with all its processes', recoveries.length, options.times ?? 1),
          none('READYZ', 'answers of /readyz other than 503 while it was away', wrong),
          atLeast('MET', 'answers of 503 meanwhile', refusals(run.answers()), recoveries.length),
        ];
      });
    } finally {
      await postgres.stop();
    }
  },
};

async function readyz({ port }: Gateway): Promise<number> {
  const answer = await fetch(`http://127.0.0.1:${port}/readyz`);
  await answer.arrayBuffer();
  return answer.status;
}
