import { parseArgs } from 'node:util';
import type { PageOf } from '../../schemas/admin-api/common.ts';
import type { DeadView } from '../../schemas/admin-api/dead-letters.ts';
import { freePort } from '../support/ports.ts';
import { until } from '../support/until.ts';
import { ADMIN_TOKEN, openAdmin } from './admin.ts';
import { type Audit, shops, startAudit } from './audit.ts';
import { idOf } from './events.ts';
import { atMost, type Finding, none } from './findings.ts';
import { seeded } from './random.ts';
import { logOptions, play, stopped } from './scenario.ts';
import { openSink } from './sink.ts';
import { destinationOf } from './targets.ts';

/**
 * One event among many at which its destination chokes: it answers 500 to whatever batch holds it. That event must become the
 * only dead letter, with a reason that names it; the others must arrive once, in order, within a minute of the first.
 *
 *   node --import tsx test/chaos/poison.ts --events 10000 --seed 1
 */
const { values } = parseArgs({
  options: {
    ...logOptions,
    events: { type: 'string', default: '10000' },
    lanes: { type: 'string', default: '20' },
    /** Events of one delivery. */
    'batch-size': { type: 'string', default: '100' },
  },
});

const limitMs = 60_000;
const seed = Number(values.seed);
const lanes = Number(values.lanes);
const each = Math.floor(Number(values.events) / lanes);
// Somewhere in the middle, so that there is company before it and behind it.
const place = Math.floor(each * (0.1 + 0.8 * seeded(seed)()));

await play(values, async ({ files, port, start }) => {
  const target = {
    shop: shops[0].shop,
    pipeline: 'hook',
    port: await freePort(),
    settings: { batchSize: Number(values['batch-size']) },
  };
  const load = { lanes, each, batch: 50, rate: 20_000, marked: place };
  const audit = startAudit({ folder: files, port, seed, targets: [target], load });
  const poison = idOf(audit.run, 'lane0', place);
  console.log(`one poison event, ${poison}, among ${each * lanes}`);
  const sink = await openSink({ port: target.port, record: audit.record, manners: { marked: 500 } });
  const gateway = await start(audit.config, { ADMIN_TOKEN });
  const admin = openAdmin(port);
  const letters = async () => (await admin.ask<PageOf<DeadView>>('/dead?limit=1000')).items;
  const begin = Date.now();
  audit.startLoad();
  await audit.loadEnded();
  await until(async () => (await letters()).length > 0, limitMs * 2).catch(() => {});
  const { findings } = await audit.verdict(limitMs, {
    allowedDuplicates: 0,
    excused: (destination, id) => destination === destinationOf(target) && id === poison,
  });
  const dead = await letters();
  admin.close();
  const exit = await stopped(gateway);
  await sink.close();
  return [
    ...findings,
    buried(dead, poison),
    atMost('LATE', 'seconds until the last arrival', last(audit, begin), 60),
    exit,
  ];
});

function last(audit: Audit, begin: number): number {
  return audit.arrivals().reduce((latest, { at }) => Math.max(latest, at - begin), 0) / 1000;
}

/** The poison event alone, and why in words that let it be found. */
function buried(dead: readonly DeadView[], poison: string): Finding {
  const wrong = dead
    .filter(({ event, reason }) => event.event_id !== poison || !reason.includes(poison))
    .map(({ event, reason }) => `${event.event_id}: ${reason}`);
  for (const { event, reason, attempts } of dead)
    console.log(`dead: ${event.event_id} after ${attempts} attempts: ${reason}`);
  const missing = dead.some(({ event }) => event.event_id === poison) ? [] : [`${poison} is no dead letter`];
  return none('DEAD', 'dead letters other than the poison event with a reason that names it', [...wrong, ...missing]);
}
