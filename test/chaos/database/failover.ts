import { startPostgres } from '../../support/postgres.ts';
import { startStandby } from '../../support/postgres-standby.ts';
import { refusals } from '../answers.ts';
import { atLeast } from '../findings.ts';
import { pause } from '../random.ts';
import { openSwitch } from '../switch.ts';
import type { Fault } from './fault.ts';
import { inTime, recovered } from './recovery.ts';
import { underLoad } from './run.ts';

/** The primary dies, and its synchronous standby is promoted behind the same address. */
export const failover: Fault = {
  name: 'failover',
  seconds: { usual: 10, short: 3 },
  async play(options) {
    const primary = await startPostgres();
    const url = await primary.createDatabase();
    const standby = await startStandby(primary);
    const address = await openSwitch();
    address.to(primary.port);
    const log = new URL(url);
    log.port = String(address.port);
    try {
      return await underLoad(options, log.href, { slowestSeconds: 15 }, async (run) => {
        await pause((options.seconds * 1000) / 2);
        await primary.kill();
        // For a while it is the standby that answers, and that takes no writes.
        address.to(standby.port);
        await pause((options.seconds * 1000) / 2);
        const recovery = await recovered(run, standby, () => standby.promote());
        return [...inTime([recovery]), atLeast('MET', 'answers of 503 meanwhile', refusals(run.answers()), 1)];
      });
    } finally {
      await address.close();
      await standby.stop();
      await primary.stop();
    }
  },
};
