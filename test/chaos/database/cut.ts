import { startPostgres } from '../../support/postgres.ts';
import { atLeast } from '../findings.ts';
import { pause } from '../random.ts';
import type { Fault } from './fault.ts';
import { repeatedly } from './recovery.ts';
import { underLoad } from './run.ts';

/** All connections to the database are cut, every two seconds. */
export const cut: Fault = {
  name: 'cut',
  seconds: { usual: 20, short: 6 },
  async play(options) {
    const postgres = await startPostgres();
    try {
      const database = await postgres.createDatabase();
      return await underLoad(options, database, { slowestSeconds: 10 }, async (run) => {
        const cuts = await repeatedly(options, async () => {
          const count = await postgres.cutConnections(database);
          await Promise.all([run.acked(Date.now()), pause(2000)]);
          return count;
        });
        const least = Math.min(...cuts);
        return [atLeast('MET', `connections cut at a time, ${cuts.length} times`, least, 1)];
      });
    } finally {
      await postgres.stop();
    }
  },
};
