import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { SCHEMA } from '../../adapters/logs/postgres/schema.ts';
import type { Balance } from '../../schemas/admin-api/balance.ts';
import type { PageOf } from '../../schemas/admin-api/common.ts';
import type { DeadView } from '../../schemas/admin-api/dead-letters.ts';
import type { PipelineReport } from '../../schemas/admin-api/pipelines.ts';
import type { QuarantinedHeadView } from '../../schemas/admin-api/quarantine.ts';
import type { Receipt } from '../../schemas/admin-api/receipts.ts';
import type { ReplayJob } from '../../schemas/admin-api/replays.ts';
import { freePort } from '../support/ports.ts';
import { startPostgres } from '../support/postgres.ts';
import { until } from '../support/until.ts';
import { openAdmin } from './admin.ts';
import { shops } from './audit.ts';
import { exactly, type Finding, measured, none } from './findings.ts';
import { judged, logOptions, stopped } from './scenario.ts';
import { pipelineOf } from './targets.ts';
import { CUSTOM, crowd, isCart, Sent } from './upgrade/crowd.ts';
import { type Process, type Role, starterOn } from './upgrade/houses.ts';
import { judge } from './upgrade/judge.ts';
import { OLD, oldBuild } from './upgrade/old-build.ts';
import { openTakers, REFUSED, type Takers } from './upgrade/takers.ts';

/**
 * A log that an earlier release has written, under load, with dead letters, quarantine, a backlog and a replay under way, and whose process was
 * stopped in order once and killed in the end, is opened by today's build: everything acknowledged must be delivered, repeats must still be known,
 * dead letters and quarantine must come back to life, the replay must go on, and the books must balance. On PostgreSQL the releases
 * run beside one another for a while, in both ways.
 *
 *   node --import tsx test/chaos/upgrade.ts --events 2000000 --log postgres
 */
const { values } = parseArgs({
  options: {
    ...logOptions,
    events: { type: 'string', default: '50000' },
    'settle-seconds': { type: 'string', default: '120' },
  },
});

const events = Number(values.events);
const settleMs = Number(values['settle-seconds']) * 1000;
/** A kill, and orderly stops of the earlier release: batches in flight. */
const REPEATS = 10_000;
const AGAIN = 5000;
const FORMAT_MS = 30_000;
const [one, two] = shops;
const HOOK = { shop: one.shop, pipeline: 'hook' };
const CARTS = { shop: one.shop, pipeline: REFUSED };
const LATE = { shop: two.shop, pipeline: 'late' };

await judged(values, async (folder, entry) => {
  const old = oldBuild(join(folder, 'old'));
  if (values.log === 'lmdb') return played(folder, { old, now: entry }, { url: `lmdb:${join(folder, 'log')}` });
  if (values.log !== 'postgres') throw new Error(`--log must be lmdb or postgres, got ${values.log}`);
  const postgres = await startPostgres();
  try {
    const url = await postgres.createDatabase();
    const format = async () =>
      (await postgres.query<{ value: string }>(url, `select value from ${SCHEMA}.settings where name = 'format'`))[0]
        ?.value;
    return await played(folder, { old, now: entry }, { url, format });
  } finally {
    await postgres.stop();
  }
});

interface Releases {
  readonly old: string;
  readonly now: string;
}

interface Log {
  readonly url: string;
  /** The form that a shared log is in, which changes when the last process of the earlier release has left. */
  readonly format?: () => Promise<string | undefined>;
}

async function played(folder: string, { old, now }: Releases, log: Log): Promise<readonly Finding[]> {
  const isShared = log.format !== undefined;
  const roles: readonly Role[] = isShared ? ['worker', 'web'] : ['all'];
  const most = events * 2;
  const takers = await openTakers(await freePort(), most);
  const sent = [new Sent(one.shop, one.token, most), new Sent(two.shop, two.token, most)] as const;
  const { start, refusal } = starterOn(log.url, folder);
  const many = crowd();
  const config = configOf(takers.port, []);
  const both = (entry: string) => Promise.all(roles.map((role) => start(role, entry, config)));
  const web = (running: readonly Process[]) => running.at(-1) as Process;
  const load = (part: number, port: number) =>
    Promise.all(sent.map((own) => many.send(own, Math.round((events / 2) * part), port)));

  // The earlier release: stopped in order once, and then killed with a replay under way.
  takers.away.add(`${LATE.shop}/${LATE.pipeline}`);
  let running = await both(old);
  const begun = performance.now();
  await load(0.6, web(running).port);
  await Promise.all(running.map((process) => process.stop()));
  running = await both(old);
  await load(isShared ? 0.3 : 0.4, web(running).port);
  tell(`${OLD} took ${events} events in ${seconds(begun)} s`);
  takers.replayHoldMs = 300;
  await order(web(running).port, '/replays', HOOK);
  await order(web(running).port, '/dead/redrive', { ...CARTS, to: new Date(Date.now() - 60_000).toISOString() });
  await until(() => takers.of(`${HOOK.shop}/${HOOK.pipeline}-r1`).events > 0, 60_000);

  const rolling: Finding[] = [];
  if (isShared) {
    const [worker, front] = running as [Process, Process];
    // An earlier web process beside a worker of today.
    await worker.stop();
    const newWorker = await start('worker', now, config);
    await load(0.05, front.port);
    rolling.push(await goesOn('ROLLING', `a worker of today beside a web process of ${OLD}`, takers, sent[0]));
    // And the other way round.
    await newWorker.stop();
    const [oldWorker, newFront] = [await start('worker', old, config), await start('web', now, config)];
    await front.stop();
    await load(0.05, newFront.port);
    rolling.push(await goesOn('BACKWARD', `a worker of ${OLD} beside a web process of today`, takers, sent[0]));
    const before = await log.format?.();
    rolling.push(none('FORMAT', `a new format while ${OLD} is there`, before === '1' ? [] : [`format ${before}`]));
    await Promise.all([oldWorker.kill(), newFront.stop()]);
  } else await Promise.all(running.map((process) => process.kill()));

  // Today's build alone.
  takers.replayHoldMs = 0;
  takers.refuseEvery = 0;
  const accepting = configOf(takers.port, [CUSTOM]);
  const today = await Promise.all(roles.map((role) => start(role, now, accepting)));
  const { port, readyMs } = web(today);
  const atStart = today.map((process) => process.memory());
  const [own, other] = [await many.again(sent[0], AGAIN, port), await many.again(sent[1], AGAIN, port)];
  await load(0.02, port);
  const drained = performance.now();
  const before = takers.of(`${LATE.shop}/${LATE.pipeline}`).events;
  takers.away.clear();
  const asked = openAdmin(port);
  await order(port, '/quarantine/redrive', { all: true });
  await order(port, '/dead/redrive', { all: true });
  const pending = async () => {
    const { pipelines } = await asked.ask<{ pipelines: PipelineReport[] }>('/pipelines');
    const { replays } = await asked.ask<{ replays: ReplayJob[] }>('/replays');
    const left = pipelines.reduce((sum, pipeline) => sum + pipeline.pending, 0);
    return left + replays.filter(({ state }) => state === 'running').length;
  };
  const letters = async () => (await asked.ask<PageOf<DeadView>>('/dead?limit=100')).items;
  const refused = async () => (await asked.ask<PageOf<QuarantinedHeadView>>('/quarantine?limit=100')).items;
  const isOver = async () =>
    (await pending()) === 0 && (await letters()).length === 0 && (await refused()).length === 0;
  await until(isOver, settleMs).catch(() => tell('not everything ended in time'));
  const rate = ((takers.of(`${LATE.shop}/${LATE.pipeline}`).events - before) / (performance.now() - drained)) * 1000;
  const receipts: Receipt[] = [];
  for (const own of sent)
    for (const id of [...[...own.refused].slice(0, 50), ...sample(own)])
      receipts.push(...(await asked.ask<{ receipts: Receipt[] }>(`/receipts/${id}?shop=${own.shop}`)).receipts);
  const { replays } = await asked.ask<{ replays: ReplayJob[] }>('/replays');
  const findings = judge({
    sent,
    taken: [
      { ...HOOK, wants: () => true, wantsNamed: true, ...takers.of(`${HOOK.shop}/${HOOK.pipeline}`) },
      { ...CARTS, wants: isCart, wantsNamed: false, ...takers.of(`${CARTS.shop}/${CARTS.pipeline}`) },
      { ...LATE, wants: () => true, wantsNamed: true, ...takers.of(`${LATE.shop}/${LATE.pipeline}`) },
    ],
    replayed: replays.map((job) => {
      const pipeline = `${job.pipeline}-${job.id}`;
      const { times, named } = takers.of(`${job.shop}/${pipeline}`);
      return { shop: job.shop, pipeline, wants: () => true, times, named, job };
    }),
    again: { sent: 2 * AGAIN, known: own + other },
    balance: await asked.ask<Balance>('/balance'),
    dead: await letters(),
    quarantine: await refused(),
    receipts,
    repeats: REPEATS,
  });
  asked.close();
  many.close();
  const memory = today.map((process) => process.memory());
  if (log.format) {
    const isNew = await until(async () => (await log.format?.()) === '2', FORMAT_MS).catch(() => false);
    const meaning = `no new format, although no process of ${OLD} is there any more`;
    rolling.push(none('NEW FORMAT', meaning, isNew ? [] : [`format ${await log.format()}`]));
  }
  const exits = await Promise.all(today.map(stopped));
  const again = await Promise.all(roles.map((role) => start(role, now, accepting)));
  const againMs = web(again).readyMs;
  await Promise.all(again.map((process) => process.stop()));
  const words = await refusal(isShared ? 'web' : 'all', old, config);
  await takers.close();
  return [
    exactly('REPLAYED', 'replays that were ordered', replays.length, 1),
    ...rolling,
    ...findings,
    none('REFUSES', `${OLD} starts on what today's build has written, or does not say why not`, refuses(words)),
    measured('READY', 'milliseconds to ready on the log of the earlier release', readyMs),
    measured('AGAIN', 'milliseconds to ready once it has been opened', againMs),
    measured('RATE', 'events a second of the backlog', rate),
    measured('RSS', 'megabytes of memory once ready, of all processes, mapped files aside', sum(atStart)),
    measured('AFTER', 'the same when all was delivered', sum(memory)),
    ...exits.slice(0, 1),
  ];
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

function seconds(since: number): string {
  return ((performance.now() - since) / 1000).toFixed(1);
}

function tell(words: string): void {
  console.log(words);
}

async function order(port: number, path: string, input: object): Promise<void> {
  const admin = openAdmin(port);
  await admin.order(path, input).finally(() => admin.close());
}

/** What was sent last must arrive while two releases share the log. */
async function goesOn(name: string, meaning: string, takers: Takers, own: Sent): Promise<Finding> {
  const { times } = takers.of(`${HOOK.shop}/${HOOK.pipeline}`);
  const last = own.count - 1;
  const came = await until(() => (times[last] ?? 0) > 0, settleMs).catch(() => false);
  return none(name, `${meaning}: events that were sent and did not come`, came ? [] : [own.idOf(last)]);
}

/** An earlier release must not touch what it cannot read. */
function refuses(words: string | undefined): string[] {
  return words !== undefined && /newer/.test(words) ? [] : [words ?? 'it started'];
}

/** Events from all parts of what a shop sent. */
function sample({ count, idOf }: Sent): string[] {
  return Array.from({ length: 200 }, (_, i) => idOf(Math.floor((i * count) / 200)));
}

function configOf(port: number, customEvents: readonly string[]): object {
  const target = (ref: { readonly shop: string; readonly pipeline: string }, settings: object, rules: object = {}) =>
    pipelineOf({ ...ref, port, settings: { ...settings, timeoutSeconds: 30 }, rules });
  return {
    shops: [
      {
        ...one,
        tokens: [one.token],
        customEvents,
        pipelines: [target(HOOK, { batchSize: 500 }), target(CARTS, { batchSize: 1 }, { events: ['add_to_cart'] })],
      },
      { ...two, tokens: [two.token], customEvents, pipelines: [target(LATE, { batchSize: 500 })] },
    ].map(({ token: _, ...shop }) => shop),
  };
}
