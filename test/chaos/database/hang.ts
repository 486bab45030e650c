import { refusals } from '../answers.ts';
import { atLeast } from '../findings.ts';
import { pause } from '../random.ts';
import { failedOver, startPair } from './failover.ts';
import type { Fault } from './fault.ts';
import { inTime, recovered } from './recovery.ts';
import { underLoad } from './run.ts';

/** Longer than a gateway waits for a commit. */
const HANGING_MS = 9_000;
/** In which whatever hung is sent again. */
const AGAIN_MS = 2_000;

/**
 * The synchronous standby stands still, so that commits hang for as long as it does, and are there all the same. First it goes on. The
 * second time the primary crashes, comes back with what was never answered, and dies; then the standby is reset and takes over: what only
 * the primary had must never have been acknowledged, not even as a repeat.
 */
export const hang: Fault = {
  name: 'hang',
  seconds: { usual: 20, short: 0 },
  async play(options) {
    const pair = await startPair();
    const { primary, standby } = pair;
    try {
      return await underLoad(options, pair.log, { slowestSeconds: 15 }, async (run) => {
        const hung = async () => {
          const before = refusals(run.answers());
          standby.pause();
          await pause(HANGING_MS + options.seconds * 1000);
          return refusals(run.answers()) - before;
        };
        const first = await hung();
        const back = await recovered(run, primary, () => standby.resume());
        const second = await hung();
        await primary.kill();
        await primary.start();
        await pause(AGAIN_MS);
        const over = await failedOver(run, pair, async () => {
          // What the primary had sent and the standby has not read is gone with its connection.
          await standby.kill();
          await standby.start();
        });
        return [
          ...inTime([back, over]),
          atLeast('MET', 'answers of 503 each time that commits hung', Math.min(first, second), 1),
        ];
      });
    } finally {
      await pair.stop();
    }
  },
};
