import { startPostgres } from '../../support/postgres.ts';
import { refusals } from '../answers.ts';
import { atLeast } from '../findings.ts';
import { pause } from '../random.ts';
import type { Fault } from './fault.ts';
import { inTime, recovered, repeatedly } from './recovery.ts';
import { underLoad } from './run.ts';

/** kill -9 of the database with all its processes, at random moments, and a start. */
export const kill: Fault = {
  name: 'kill',
  seconds: { usual: 20, short: 5 },
  async play(options) {
    const postgres = await startPostgres();
    try {
      return await underLoad(options, await postgres.createDatabase(), { slowestSeconds: 15 }, async (run) => {
        const recoveries = await repeatedly(options.seconds, async () => {
          await pause(500 + 1500 * run.random());
          await postgres.kill();
          await pause(1000 * run.random());
          return recovered(run, postgres, postgres.start);
        });
        return [...inTime(recoveries), atLeast('MET', 'answers of 503 meanwhile', refusals(run.answers()), 1)];
      });
    } finally {
      await postgres.stop();
    }
  },
};
