import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { freePort } from '../support/ports.ts';
import { until } from '../support/until.ts';
import { ADMIN_TOKEN, type Admin, openAdmin } from './admin.ts';
import { shops, startAudit } from './audit.ts';
import { trusted } from './destinations/certificates.ts';
import { judgeCases, type Observed } from './destinations/judge.ts';
import { lag } from './destinations/lag.ts';
import { bookkeeping, leaks, lettersOf, observe, openWard, resume, timesIn, toldIn } from './destinations/run.ts';
import { reportsOf, startWatch } from './destinations/watch.ts';
import { recognise } from './events.ts';
import { atMost, none } from './findings.ts';
import { pause } from './random.ts';
import { logOptions, play, stopped } from './scenario.ts';
import { openSink } from './sink.ts';
import { destinationOf, type Target } from './targets.ts';

/**
 * Everything that a destination can do to the gateway, each kind of it at a pipeline of its own, all at the same time, beside
 * healthy ones: what is expected of the gateway in each case stands in destinations/cases.ts. Then all are well, and everything
 * acknowledged must arrive in order, or be a dead letter, or wait where its pipeline was suspended.
 *
 *   node --import tsx test/chaos/destinations.ts --minutes 10
 *   node --import tsx test/chaos/destinations.ts --log postgres
 */
const { values } = parseArgs({
  options: {
    ...logOptions,
    /** How long they are sick. */
    seconds: { type: 'string', default: '16' },
    minutes: { type: 'string' },
    /** How long the healthy ones are alone before. */
    'alone-seconds': { type: 'string', default: '4' },
    /** Events per second. */
    rate: { type: 'string', default: '80' },
    'quiet-seconds': { type: 'string', default: '90' },
    /** What the gateway may hold of its own. */
    megabytes: { type: 'string', default: '300' },
  },
});

const sickMs = (values.minutes === undefined ? Number(values.seconds) : Number(values.minutes) * 60) * 1000;
const aloneMs = Number(values['alone-seconds']) * 1000;
const quietMs = Number(values['quiet-seconds']) * 1000;
/** The kernel takes some of an answer that nobody reads. */
const MOST_POURED_MB = 16;
/** New events while those that were sick catch up. */
const wellMs = 3000;

await play(values, async ({ files, port, output, start }) => {
  const record = join(files, 'sink.ndjson');
  const ward = await openWard(files, record);
  const wellPort = await freePort();
  const healthy: Target[] = [
    { shop: shops[0].shop, pipeline: 'healthy', port: wellPort },
    { shop: shops[0].shop, pipeline: 'healthy-wide', port: wellPort, rules: { lanes: 4 } },
    { shop: shops[1].shop, pipeline: 'healthy', port: wellPort },
  ];
  const targets = [...healthy, ...ward.targets];
  const load = { lanes: 8, batch: 10, rate: Number(values.rate) };
  const audit = startAudit({ folder: files, port, seed: Number(values.seed), load, targets });
  const well = await openSink({ port: wellPort, record: audit.record });
  const config = join(files, 'gateway.json');
  const authorities = join(files, 'authorities.pem');
  writeFileSync(authorities, trusted);
  writeFileSync(config, JSON.stringify(only(audit.config, healthy)));
  const environment = { ADMIN_TOKEN, GATEWAY_CONFIG: config, NODE_EXTRA_CA_CERTS: authorities };
  const gateway = await start({}, environment);
  const admin = openAdmin(port, 4);

  const began = Date.now();
  audit.startLoad();
  await pause(aloneMs);
  const watch = startWatch(admin, gateway.pid);
  const addingAt = Date.now();
  writeFileSync(config, JSON.stringify(audit.config));
  process.kill(gateway.pid, 'SIGHUP');
  await until(async () => (await reportsOf(admin)).length === targets.length);
  const addedAt = Date.now();
  console.log(`${ward.cases.length} bad destinations for ${sickMs / 1000} s`);
  await pause(sickMs);
  const during = await observe(ward, watch, admin, toldIn(output));
  await watch.stop();
  const mendedAt = Date.now();
  await ward.mend();
  await resume(ward.cases, admin);
  console.log('all are well');
  await pause(wellMs);
  await audit.loadEnded('SIGTERM');

  const kept = new Set(ward.cases.filter(({ afterwards }) => afterwards === 'never').map(({ name }) => name));
  const sentAt = timesIn(audit.ledger, audit.run);
  const stays = new Set(healthy.map(destinationOf));
  const letters = async () =>
    new Set((await lettersOf(admin)).map((one) => `${one.event.event_id} at ${destinationOf(one)}`));
  await settled(admin, kept, quietMs);
  const dead = await letters();
  const keptAt = new Set([...kept].map((pipeline) => destinationOf({ shop: shops[0].shop, pipeline })));
  const { findings } = await audit.verdict(quietMs, {
    allowedDuplicates: 0,
    excused: (destination, id) =>
      !stays.has(destination) &&
      // What was sent before the pipeline was there is not its own.
      ((sentAt.get(id) ?? 0) < addedAt || keptAt.has(destination) || dead.has(`${id} at ${destination}`)),
  });
  await settled(admin, kept, quietMs);
  const [balance, graves, reports] = await Promise.all([
    admin.ask<Parameters<typeof bookkeeping>[0]>('/balance'),
    lettersOf(admin),
    reportsOf(admin),
  ]);
  const arrivals = audit.arrivals();
  const said = {
    'its log': readFileSync(output, 'utf8'),
    '/readyz': await textOf(port, '/readyz'),
    '/metrics': await textOf(port, '/metrics'),
    '/admin/pipelines': JSON.stringify(reports),
    '/admin/dead': JSON.stringify(graves),
  };
  admin.close();
  const exit = await stopped(gateway);
  await Promise.all([ward.close(), well.close()]);
  const observed = new Map<string, Observed>(
    [...during].map(([name, seen]) => {
      const own = graves.filter(({ pipeline }) => pipeline === name);
      return [name, { ...seen, dead: own.map(({ event, reason }) => ({ ...recognise(event), reason })) }];
    }),
  );
  const beside = (shop: string) => arrivals.filter(({ destination }) => destination === `${shop}/healthy`);
  return [
    ...judgeCases(ward.cases, observed),
    none('CANARY', 'connections to where redirects point', ward.strangers),
    ...findings,
    bookkeeping(balance, arrivals, graves, targets, kept),
    leaks(said),
    atMost('MEMORY', 'megabytes of its own', watch.megabytes(), Number(values.megabytes)),
    atMost('POURED', 'megabytes of one answer', ward.poured() / 1024 ** 2, MOST_POURED_MB),
    lag('ALONE', 'the healthy, alone', beside(shops[0].shop), sentAt, [began, addingAt]),
    lag('BESIDE', 'the healthy, beside the sick', beside(shops[0].shop), sentAt, [addedAt, mendedAt]),
    lag('AFTER', 'the healthy, while the others catch up', beside(shops[0].shop), sentAt, [
      mendedAt,
      mendedAt + wellMs,
    ]),
    exit,
  ];
});

/** The configuration with some of its pipelines. */
function only(config: object, targets: readonly Target[]): object {
  const names = new Set(targets.map(destinationOf));
  const { shops: all } = config as { shops: { shop: string; pipelines: { id: string }[] }[] };
  return {
    shops: all.map(({ pipelines, ...shop }) => ({
      ...shop,
      pipelines: pipelines.filter(({ id }) => names.has(destinationOf({ shop: shop.shop, pipeline: id }))),
    })),
  };
}

/** Waits until no pipeline has anything left that is to go on, or the time is over. */
async function settled(admin: Admin, kept: ReadonlySet<string>, limitMs: number): Promise<void> {
  const open = async () =>
    (await reportsOf(admin)).filter(({ pipeline, pending }) => pending > 0 && !kept.has(pipeline));
  await until(async () => (await open()).length === 0, limitMs).catch(async () =>
    console.log(`not settled: ${JSON.stringify(await open())}`),
  );
}

async function textOf(port: number, path: string): Promise<string> {
  return (await fetch(`http://127.0.0.1:${port}${path}`)).text();
}
