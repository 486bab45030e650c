import type { PageOf } from '../../../schemas/admin-api/common.ts';
import type { DeadView } from '../../../schemas/admin-api/dead-letters.ts';
import type { ReplayJob } from '../../../schemas/admin-api/replays.ts';
import { until } from '../../support/until.ts';
import { openAdmin } from '../admin.ts';
import { shops } from '../audit.ts';
import { pause } from '../random.ts';

const LETTER_MS = 20_000;

/** Longer than the job of a process that was killed stands in the way of the next. */
const FREE_MS = 45_000;

/** Whether an order was taken; not where another must end first. */
async function freely(ask: () => Promise<void>): Promise<boolean> {
  try {
    await ask();
    return true;
  } catch (error) {
    if (!/got 409/.test(String(error))) throw error;
    await pause(500);
    return false;
  }
}

/** Who gives orders to a gateway that may die of them. */
export function operatorOf(port: number) {
  const ask = async <T>(path: string): Promise<T> => {
    const admin = openAdmin(port);
    return admin.ask<T>(path).finally(() => admin.close());
  };
  const jobs = async () => (await ask<{ readonly replays: ReplayJob[] }>('/replays')).replays;
  return {
    /** Has the dead letters tried again, as soon as there are some that nobody has asked for yet. */
    async redrive(): Promise<void> {
      const letters = async () => (await ask<PageOf<DeadView>>('/dead')).items;
      await until(async () => (await letters()).length > 0, LETTER_MS);
      const again = () => order(port, '/dead/redrive', { shop: shops[0].shop });
      if (!(await letters()).some(({ redrive }) => redrive)) await until(() => freely(again), FREE_MS);
    },
    /** Has everything of the second shop delivered again, unless that was ordered already. */
    async replay(): Promise<void> {
      if ((await jobs()).length === 0) await order(port, '/replays', { shop: shops[1].shop, pipeline: 'hook' });
    },
    /** The ids of all dead letters. */
    letters: async () => (await ask<PageOf<DeadView>>('/dead')).items.map(({ event }) => event.event_id),
    replaysDone: (limitMs: number) => until(async () => (await jobs()).every(({ state }) => state === 'done'), limitMs),
  };
}

async function order(port: number, path: string, input: object): Promise<void> {
  const admin = openAdmin(port);
  await admin.order(path, input).finally(() => admin.close());
}
