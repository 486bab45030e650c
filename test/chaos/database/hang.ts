import { refusals } from '../answers.ts';
import { atLeast } from '../findings.ts';
import { pause } from '../random.ts';
import { failedOver, startPair } from './failover.ts';
import type { Fault } from './fault.ts';
import { inTime, recovered } from './recovery.ts';
import { underLoad } from './run.ts';

/** Longer than a gateway waits for a commit. */
const HANGING_MS = 9_000;

/**
 * The synchronous standby stands still, so that commits hang for as long as it does, and are there all the same. First it goes on; then,
 * the second time, it takes over from a primary that has died meanwhile: what only that one had must not have been acknowledged.
 */
export const hang: Fault = {
  name: 'hang',
  seconds: { usual: 20, short: 1 },
  async play(options) {
    const pair = await startPair();
    try {
      return await underLoad(options, pair.log, { slowestSeconds: 15 }, async (run) => {
        const hung = async () => {
          const before = refusals(run.answers());
          pair.standby.pause();
          await pause(HANGING_MS + options.seconds * 1000);
          return refusals(run.answers()) - before;
        };
        const first = await hung();
        const { standby } = pair;
        const back = await recovered(run, pair.primary, () => standby.resume());
        const second = await hung();
        const over = await failedOver(run, pair, async () => standby.resume());
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
