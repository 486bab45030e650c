import { type Postgres, startPostgres } from '../../support/postgres.ts';
import { type Standby, startStandby } from '../../support/postgres-standby.ts';
import { refusals } from '../answers.ts';
import { atLeast } from '../findings.ts';
import { pause } from '../random.ts';
import { openSwitch, type Switch } from '../switch.ts';
import type { Fault } from './fault.ts';
import { inTime, recovered, repeatedly } from './recovery.ts';
import { type Run, underLoad } from './run.ts';

/** A primary and its standby, which has on its disk whatever the primary has answered: synchronous_commit is on. */
export interface Pair {
  primary: Postgres;
  /** Absent once it has taken over, until the next one is `attached`. */
  standby?: Standby | undefined;
  /** In front of the primary; it stays when the standby takes over. */
  readonly address: Switch;
  /** A fresh database, behind that address. */
  readonly log: string;
  stop(): Promise<void>;
}

/**
 * The primary dies, and its synchronous standby is promoted behind the same address. Then the standby gets a standby of its own under
 * load, and it is its turn.
 */
export const failover: Fault = {
  name: 'failover',
  times: { usual: 20, short: 1 },
  async play(options) {
    const pair = await startPair();
    try {
      return await underLoad(options, pair.log, { slowestSeconds: 15 }, async (run) => {
        const recoveries = await repeatedly(options, async () => {
          await attached(pair);
          await pause(500 + 1500 * run.random());
          return failedOver(run, pair, () => pause(500 + 1000 * run.random()));
        });
        return [
          ...inTime(recoveries),
          atLeast('FAILOVERS', 'times that the standby took over', recoveries.length, options.times ?? 1),
          atLeast('MET', 'answers of 503 meanwhile', refusals(run.answers()), recoveries.length),
        ];
      });
    } finally {
      await pair.stop();
    }
  },
};

export async function startPair(): Promise<Pair> {
  const primary = await startPostgres();
  const log = new URL(await primary.createDatabase());
  const address = await openSwitch();
  address.to(primary.port);
  log.port = String(address.port);
  const pair: Pair = {
    primary,
    address,
    log: log.href,
    async stop() {
      await pair.address.close();
      await pair.standby?.stop();
      await pair.primary.stop();
    },
  };
  await attached(pair);
  return pair;
}

/** The standby of a pair, which gets one if it has none. */
export async function attached(pair: Pair): Promise<Standby> {
  pair.standby ??= await startStandby(pair.primary);
  return pair.standby;
}

/** Kills the primary, and promotes its standby a little later. */
export async function failedOver(run: Run, pair: Pair, meanwhile: (standby: Standby) => Promise<unknown>) {
  const { primary, address } = pair;
  const standby = await attached(pair);
  await primary.kill();
  // For a while it is the standby that answers, and that takes no writes.
  address.to(standby.port);
  await meanwhile(standby);
  const recovery = await recovered(run, standby, () => standby.promote());
  await primary.stop();
  pair.primary = standby;
  pair.standby = undefined;
  return recovery;
}
