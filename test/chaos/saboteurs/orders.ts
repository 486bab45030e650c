import { Agent } from 'node:http';
import { join } from 'node:path';
import { freePort } from '../../support/ports.ts';
import { until } from '../../support/until.ts';
import { shops } from '../audit.ts';
import { plant } from '../events.ts';
import { type Finding, none } from '../findings.ts';
import { type Desk, openDesk } from '../operators/desk.ts';
import { type Delivery, keyOf, openHistory } from '../operators/history.ts';
import { openHouse } from '../operators/house.ts';
import { judge } from '../operators/judge.ts';
import { CUSTOM, type Planted, send } from '../operators/load.ts';
import { dead, operatorOf, quarantine } from '../operators/orders.ts';
import { COMES, first, written } from '../operators/plan.ts';
import { openReceivers } from '../operators/receivers.ts';
import { settled } from '../operators/settle.ts';
import { pause, seeded } from '../random.ts';
import type { AuditOptions } from './audits.ts';

const SETTLE_MS = 30_000;
const SOON_MS = 15_000;
/** How long a delivery to be overtaken by an order takes. */
const HELD_MS = 900;
const [one, two] = shops;
const HOOK = { shop: one.shop, pipeline: 'hook' };
const MOODY = { shop: one.shop, pipeline: 'moody' };
const OTHER = { shop: two.shop, pipeline: 'hook' };
/** Events of these shoppers are refused by one pipeline, and hold up a lane of another. */
const REFUSED = /-s[35]-1?\d$/;
const STUCK = /-s0-/;

/** What an operator does at the worst moment, one after the other, each with the destinations that it takes. Judged as the operators with restless hands are. */
export async function orders({ folder, entry, seed }: AuditOptions): Promise<readonly Finding[]> {
  const history = openHistory(join(folder, 'history.ndjson'));
  const mood = { isStuck: true, isRefusing: true, slowReplays: false, letter: '', away: new Set<string>() };
  const fateOf = async (delivery: Delivery): Promise<200 | 400 | 500> => {
    const [key, { ids }] = [keyOf(delivery), delivery];
    if (mood.away.has(key)) return 500;
    if (mood.isStuck && key === keyOf(HOOK) && ids.some((id) => STUCK.test(id))) return 500;
    if (key === keyOf(MOODY) && ids.includes(mood.letter)) {
      await pause(HELD_MS);
      return 500;
    }
    if (mood.isRefusing && key === keyOf(MOODY) && ids.some((id) => REFUSED.test(id))) return 400;
    if (mood.slowReplays && /-r\d+$/.test(delivery.pipeline)) await pause(HELD_MS / 3);
    return 200;
  };
  const receivers = await openReceivers(await freePort(), seed, history, fateOf);
  const house = await openHouse({ folder, entry, log: `lmdb:${join(folder, 'log')}`, history });
  const desk = openDesk(house.port, entry, history);
  const agent = new Agent({ keepAlive: true });
  const operator = operatorOf({ desk, house, history, port: receivers.port, random: seeded(seed) });
  let sent = 0;
  const sendTo = async (shop: (typeof shops)[number], count: number, isCustom = false) => {
    const events = Array.from({ length: count }, (_, k) => {
      const n = sent + k;
      const { event } = plant('o', shop.shop, `s${n % 12}`, n, 'payload');
      const own = event as Planted;
      return isCustom ? { ...own, event_id: `o-custom-${n}`, event_type: CUSTOM } : own;
    });
    sent += count;
    await send({ port: house.port, history }, agent, shop, events, isCustom);
  };
  const came = (ref: typeof COMES | typeof OTHER | typeof HOOK) =>
    new Set(history.deliveries.flatMap((one) => (keyOf(one) === keyOf(ref) && one.answer === 200 ? one.ids : []))).size;
  const tries = (id: string) =>
    history.deliveries.filter((delivery) => keyOf(delivery) === keyOf(MOODY) && delivery.ids.includes(id)).length;
  const letters = () => lettersOf(desk);
  try {
    await house.open(written(first, receivers.port));
    await sendTo(one, 96);
    for (const shop of shops) await sendTo(shop, 3, true);
    // Most lanes are ahead of one that is held up, and then comes an orderly stop.
    await until(() => came(HOOK) >= 40, SOON_MS);
    await pause(500);
    await house.stop('gateway');
    mood.isStuck = false;
    await until(async () => came(HOOK) >= 96 && (await letters()).length >= 2, SOON_MS);

    // Two at once have the same quarantine read again.
    await operator.reload({ takesCustom: true });
    await Promise.all([desk.order(quarantine('redrive')), desk.order(quarantine('redrive'))]);

    // A letter is let go while it is tried once more; another is tried in a short outage.
    const [letGo, short] = await letters();
    if (!letGo || !short) throw new Error('expected two dead letters, there are fewer');
    mood.letter = letGo.event.event_id;
    const before = tries(mood.letter);
    await desk.order(dead('redrive', letGo));
    await until(() => tries(mood.letter) > before, SOON_MS);
    await desk.order(dead('discard', letGo));
    await pause(HELD_MS * 3);
    mood.letter = short.event.event_id;
    await desk.order(dead('redrive', short));
    await until(
      () => history.deliveries.some(({ ids, answer }) => ids.includes(mood.letter) && answer === 500),
      SOON_MS,
    );
    [mood.letter, mood.isRefusing] = ['', false];

    // A replay is under way when its pipeline gets another address.
    for (let times = 0; times < 4; times += 1) await sendTo(two, 90);
    await until(() => came(OTHER) >= 360, SOON_MS);
    mood.slowReplays = true;
    await desk.order({ kind: 'replay', input: { ...OTHER }, path: '/replays', body: OTHER });
    await until(() => history.deliveries.some(({ pipeline }) => pipeline === 'hook-r1'), SOON_MS);
    await operator.reload({ generations: { [keyOf(OTHER)]: 1 } });

    // A pipeline goes with a backlog.
    mood.away.add(keyOf(COMES));
    await sendTo(one, 30);
    await operator.reload({ comes: 'gone' });
    const owed = await owedBy(desk, COMES.pipeline);
    mood.away.clear();
    await operator.reload({ comes: 'both' });
    const final = await settled(desk, history, SETTLE_MS);
    return [
      none(
        'OWED',
        'events owed by a pipeline that was taken out, and in no balance',
        owed >= 30 ? [] : [`${owed} of 30`],
      ),
      ...judge(history, final),
    ];
  } finally {
    await house.close();
    await receivers.close();
    desk.close();
    agent.destroy();
  }
}

interface Letter {
  readonly shop: string;
  readonly pipeline: string;
  readonly event: { readonly event_id: string };
}

const lettersOf = async (desk: Desk): Promise<Letter[]> =>
  (await desk.look<{ items: Letter[] }>(`/dead?shop=${MOODY.shop}&pipeline=${MOODY.pipeline}`))?.items ?? [];

/** How many events the balance says are pending at a pipeline, wherever it says so. */
async function owedBy(desk: Desk, pipeline: string): Promise<number> {
  const found = (value: unknown): number => {
    if (typeof value !== 'object' || value === null) return 0;
    const own = value as { pipeline?: unknown; pending?: unknown };
    if (own.pipeline === pipeline) return Number(own.pending ?? 0);
    return Object.values(value).reduce((sum: number, one) => sum + found(one), 0);
  };
  return found(await desk.look('/balance'));
}
