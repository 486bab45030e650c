import { startPostgres } from '../../support/postgres.ts';
import { refusals } from '../answers.ts';
import { atLeast } from '../findings.ts';
import { pause as wait } from '../random.ts';
import type { Fault } from './fault.ts';
import { inTime, recovered } from './recovery.ts';
import { underLoad } from './run.ts';

/** A database that takes connections and answers nothing: a machine that is frozen, a disk that hangs. */
export const pause: Fault = {
  name: 'pause',
  seconds: { usual: 30, short: 12 },
  async play(options) {
    const postgres = await startPostgres();
    try {
      return await underLoad(options, await postgres.createDatabase(), { slowestSeconds: 30 }, async (run) => {
        postgres.pause();
        await wait(options.seconds * 1000);
        const met = refusals(run.answers());
        const recovery = await recovered(run, postgres, () => postgres.resume());
        return [...inTime([recovery]), atLeast('MET', 'answers of 503 while it was paused', met, 1)];
      });
    } finally {
      await postgres.stop();
    }
  },
};
