import { refusals } from '../answers.ts';
import { atLeast, atMost, none } from '../findings.ts';
import { pause } from '../random.ts';
import { attached, failedOver, startPair } from './failover.ts';
import type { Fault } from './fault.ts';
import { inTime, recovered } from './recovery.ts';
import { underLoad } from './run.ts';

/** A gateway waits eight seconds for a commit. */
const LONGER_THAN_PATIENCE = 9;
/** In which whatever hung is sent again. */
const AGAIN_SECONDS = 2;
/** Those of a gateway, and for each one that hangs. */
const CONNECTIONS = 12;

/**
 * The synchronous standby stands still, so that commits hang for as long as it does, and are there all the same. First it goes on. The
 * second time the primary crashes, comes back with what was never answered, and dies; then the standby is reset and takes over: what only
 * the primary had must never have been acknowledged, not even as a repeat.
 */
export const hang: Fault = {
  name: 'hang',
  seconds: { usual: 30, short: LONGER_THAN_PATIENCE },
  async play(options) {
    const pair = await startPair();
    const { primary } = pair;
    const standby = await attached(pair);
    try {
      return await underLoad(options, pair.log, { slowestSeconds: 15 }, async (run) => {
        const early: string[] = [];
        const hung = async (seconds: number) => {
          standby.pause();
          // What the standby had confirmed before may still be answered.
          await pause(1000);
          const since = Date.now();
          await pause(seconds * 1000);
          const told = run.answers().filter(({ at = 0 }) => at >= since);
          early.push(...told.filter(({ kind }) => kind === 'acked').map((answer) => JSON.stringify(answer)));
          return refusals(told);
        };
        await hung(AGAIN_SECONDS);
        const back = await recovered(run, primary, () => standby.resume());
        const refused = await hung(options.seconds);
        const connections = Object.values(await primary.connections(pair.log)).reduce((sum, one) => sum + one, 0);
        await primary.kill();
        await primary.start();
        await hung(AGAIN_SECONDS);
        const over = await failedOver(run, pair, async () => {
          // What the primary had sent and the standby has not read is gone with its connection.
          await standby.kill();
          await standby.start();
        });
        return [
          ...inTime([back, over]),
          none('EARLY', 'acknowledged while commits hung', early),
          atMost('CONNECTIONS', 'of the gateway, with those that hang', connections, CONNECTIONS),
          atLeast('MET', 'answers of 503 while commits hung', refused, 1),
        ];
      });
    } finally {
      await pair.stop();
    }
  },
};
