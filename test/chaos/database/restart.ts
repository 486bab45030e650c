import { startPostgres } from '../../support/postgres.ts';
import { pause } from '../random.ts';
import type { Fault } from './fault.ts';
import { inTime, recovered, repeatedly } from './recovery.ts';
import { underLoad } from './run.ts';

/** An orderly restart of the database, as when it is updated. */
export const restart: Fault = {
  name: 'restart',
  seconds: { usual: 20, short: 5 },
  async play(options) {
    const postgres = await startPostgres();
    try {
      return await underLoad(options, await postgres.createDatabase(), { slowestSeconds: 15 }, async (run) => {
        const recoveries = await repeatedly(options, async () => {
          await pause(500 + 1500 * run.random());
          await postgres.shutDown();
          return recovered(run, postgres, postgres.start);
        });
        return inTime(recoveries);
      });
    } finally {
      await postgres.stop();
    }
  },
};
