import type { Postgres } from '../../support/postgres.ts';
import { canMount, startPostgresOnSmallDisk } from '../../support/postgres-disk.ts';
import { until } from '../../support/until.ts';
import { refusals } from '../answers.ts';
import { atLeast } from '../findings.ts';
import { NotRun } from '../not-run.ts';
import { pause } from '../random.ts';
import type { Fault } from './fault.ts';
import { inTime, recovered } from './recovery.ts';
import { underLoad } from './run.ts';

const FULL_WITHIN_MS = 60_000;

/** The disk of the database is full: tables that must grow fail, then the write-ahead log ends it. Then there is room again. */
export const disk: Fault = {
  name: 'disk',
  seconds: { usual: 20, short: 4 },
  async play(options) {
    if (!canMount()) throw new NotRun('mounting a small disk is for root, or for whom sudo asks no password');
    const postgres = await startPostgresOnSmallDisk();
    try {
      return await underLoad(options, await postgres.createDatabase(), { slowestSeconds: 15 }, async (run) => {
        const before = refusals(run.answers());
        postgres.fillDisk();
        const met = () => refusals(run.answers()) - before;
        await until(() => met() > 0, FULL_WITHIN_MS);
        await pause(options.seconds * 500);
        const panics = await fillLog(postgres);
        await pause(options.seconds * 500);
        const count = met();
        postgres.freeDisk();
        const recovery = await recovered(run, postgres, postgres.start);
        return [
          ...inTime([recovery]),
          atLeast('PANIC', 'times that the full write-ahead log ended the database', panics, 1),
          atLeast('MET', 'answers of 503 while it was full', count, 1),
        ];
      });
    } finally {
      await postgres.stop();
    }
  },
};

/** Has the write-ahead log need room, until it ends the database; gives how often it did. */
async function fillLog(postgres: Postgres): Promise<number> {
  const panics = () => postgres.log().split('PANIC').length - 1;
  const grown = async () => {
    await postgres.query('postgres', 'SELECT pg_switch_wal()').catch(() => {});
    return panics() > 0;
  };
  await until(grown, FULL_WITHIN_MS);
  return panics();
}
