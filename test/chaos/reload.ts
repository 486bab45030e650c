import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Balance } from '../../schemas/admin-api/balance.ts';
import { freePort } from '../support/ports.ts';
import { until } from '../support/until.ts';
import { ADMIN_TOKEN } from './admin.ts';
import { type Arrived, shops, startAudit } from './audit.ts';
import { bookkeeping, timesIn } from './destinations/run.ts';
import { isCart } from './events.ts';
import { exactly, type Finding, none } from './findings.ts';
import { pause } from './random.ts';
import { openSigned } from './reload/signed.ts';
import { logOptions, play, stopped } from './scenario.ts';
import { settledBalance } from './settled.ts';
import { openSink } from './sink.ts';
import { destinationOf, type Target } from './targets.ts';

/**
 * New configurations under load: a pipeline is added, one is removed with a backlog and comes back, a secret is exchanged, a filter
 * becomes narrower, settings change ten times in a second, and files come that cannot be used. Pipelines that stay lose
 * nothing and repeat nothing; the others lose nothing that was theirs, and repeat at most what was under way.
 *
 *   node --import tsx test/chaos/reload.ts --times 5 --log postgres
 */
const { values } = parseArgs({
  options: {
    ...logOptions,
    /** How often the whole sequence is played. */
    times: { type: 'string', default: '1' },
    lanes: { type: 'string', default: '16' },
    /** Events per second. */
    rate: { type: 'string', default: '400' },
    'quiet-seconds': { type: 'string', default: '60' },
  },
});

const times = Number(values.times);
const quietMs = Number(values['quiet-seconds']) * 1000;
const BATCH = 100;

const [older, newer] = ['1', '2'].map((name) => `whsec_${Buffer.from(name.repeat(32)).toString('base64')}`) as [
  string,
  string,
];
/** What is no configuration, each in a way of its own. */
const unusable: readonly ((text: string) => string)[] = [
  () => '',
  (text) => text.slice(0, text.length / 2),
  (text) => text.replaceAll('"webhook"', '"carrier-pigeon"'),
  (text) => text.replaceAll('"tokens":["token-one"]', '"tokens":[]'),
  (text) => text.replaceAll('whsec_', 'whsec-'),
  (text) => text.replaceAll('token-two', 'token-one'),
];

/** Each is seen twice, by its signal and by the change of its file. */
const refusals = times * unusable.length * 2;

interface PipelineConfig {
  readonly id: string;
  readonly destination: object;
}
interface Config {
  readonly shops: readonly { readonly shop: string; readonly pipelines: readonly PipelineConfig[] }[];
}
type Change = Readonly<Record<string, (pipeline: PipelineConfig) => PipelineConfig | undefined>>;

const settings = (more: object) => (pipeline: PipelineConfig) => ({
  ...pipeline,
  destination: { ...pipeline.destination, ...more },
});
const gone = () => undefined;
const carts = (pipeline: PipelineConfig) => ({ ...pipeline, events: ['add_to_cart'] });

await play(values, async ({ files, port, output, start }) => {
  const [well, signedPort, returning] = await Promise.all([freePort(), freePort(), freePort()]);
  const one = (pipeline: string, more: Partial<Target> = {}): Target => ({
    shop: shops[0].shop,
    pipeline,
    port: well,
    ...more,
  });
  const stay = [one('stays'), one('stays-wide', { rules: { lanes: 4 } }), one('stays', { shop: shops[1].shop })];
  const [returns, added, rotated, choosy, restless] = [
    one('returns', { port: returning }),
    one('added'),
    one('rotated', { port: signedPort, settings: { secret: older } }),
    one('choosy'),
    one('restless'),
  ];
  const targets = [...stay, returns, added, rotated, choosy, restless];
  const load = { lanes: Number(values.lanes), batch: 10, rate: Number(values.rate) };
  const audit = startAudit({ folder: files, port, seed: Number(values.seed), load, targets });
  const sink = await openSink({ port: well, record: audit.record });
  const signed = await openSigned(signedPort, destinationOf(rotated), audit.record);
  signed.knows(older);
  const file = join(files, 'gateway.json');
  const put = (text: string) => {
    writeFileSync(`${file}.new`, text);
    renameSync(`${file}.new`, file);
  };
  const whole = audit.config as Config;
  put(changed(whole, { added: gone }));
  const gateway = await start({}, { ADMIN_TOKEN, GATEWAY_CONFIG: file });
  const hup = () => process.kill(gateway.pid, 'SIGHUP');
  // The signal makes one, and the file that has changed another.
  const reloaded = async (text: string, result: 'ok' | 'refused' = 'ok') => {
    const before = await reloads(port, result);
    put(text);
    hup();
    await until(async () => (await reloads(port, result)) >= before + 2);
  };

  audit.startLoad();
  await pause(1000);
  let back: { close(): Promise<void> } | undefined;
  let addedAt = 0;
  for (let round = 0; round < times; round += 1) {
    const [from, to] = round % 2 === 0 ? [older, newer] : [newer, older];
    // Never wider again: what was under way under the narrow filter would come before what it had left out.
    const choice: Change = round === 0 ? {} : { choosy: carts };
    const now = { ...choice, rotated: settings({ secret: from }) };
    await reloaded(changed(whole, now));
    addedAt ||= Date.now();
    await reloaded(changed(whole, { ...now, returns: gone, choosy: carts }));
    signed.knows(from, to);
    const both = { choosy: carts, rotated: settings({ secret: to, previousSecret: from }) };
    await reloaded(changed(whole, { ...both, returns: gone }));
    for (const spoil of unusable) await reloaded(spoil(changed(whole, both)), 'refused');
    const next = { choosy: carts, rotated: settings({ secret: to }) };
    await reloaded(changed(whole, { ...next, returns: gone }));
    signed.knows(to);
    back ??= await openSink({ port: returning, record: audit.record });
    for (let timeoutSeconds = 10; timeoutSeconds < 20; timeoutSeconds += 1) {
      put(changed(whole, { ...next, restless: settings({ timeoutSeconds }) }));
      hup();
      await pause(100);
    }
    await reloaded(changed(whole, next));
    const taken = signed.taken();
    await until(() => signed.taken() > taken);
  }
  await audit.loadEnded('SIGTERM');

  const balance = await settledBalance(port, quietMs);
  const sentAt = timesIn(audit.ledger, audit.run);
  const { findings } = await audit.verdict(quietMs, {
    allowedDuplicates: times * 12 * BATCH,
    // What was under way when the filter changed goes out in other batches.
    allowedRenamed: times * 2 * BATCH,
    excused: (destination, id) =>
      (destination === destinationOf(added) && (sentAt.get(id) ?? 0) < addedAt) ||
      (destination === destinationOf(choosy) && !isCart(id)),
  });
  const refused = await reloads(port, 'refused');
  const exit = await stopped(gateway);
  const arrivals = audit.arrivals();
  await Promise.all([sink.close(), back?.close(), signed.close()]);
  const chosen = balance.pipelines.find(({ pipeline }) => pipeline === choosy.pipeline);
  return [
    exactly('REFUSALS', 'reloads that were refused, by signal and by change of the file', refused, refusals),
    ...findings,
    none('REPEATED', 'events twice at a pipeline that nobody changed', repeated(arrivals, stay)),
    bookkeeping(
      balance,
      arrivals,
      [],
      targets.filter((target) => target !== choosy),
      new Set(),
    ),
    choosiness(arrivals, destinationOf(choosy), sentAt, chosen),
    none('UNSIGNED', 'requests that no valid secret had signed', signed.unsigned),
    none('TOLD', 'files that could not be used and were not called so', untold(output)),
    exit,
  ];
});

/** The configuration with some of its pipelines changed, as text. */
function changed({ shops: all, ...rest }: Config, change: Change): string {
  const shopsNow = all.map(({ pipelines, ...shop }) => ({
    ...shop,
    pipelines: pipelines.flatMap((pipeline) => {
      const by = change[pipeline.id];
      return by === undefined ? [pipeline] : (by(pipeline) ?? []);
    }),
  }));
  return JSON.stringify({ ...rest, shops: shopsNow });
}

/** How many reloads ended so. */
async function reloads(port: number, result: 'ok' | 'refused'): Promise<number> {
  const page = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  return Number(new RegExp(`gateway_config_reloads_total{result="${result}"} (\\d+)`).exec(page)?.[1] ?? 0);
}

function repeated(arrivals: readonly Arrived[], targets: readonly Target[]): string[] {
  const quiet = new Set(targets.map(destinationOf));
  const seen = new Set<string>();
  return arrivals.flatMap(({ id, destination }) => {
    const name = `${id} at ${destination}`;
    if (!quiet.has(destination)) return [];
    if (seen.has(name)) return [name];
    seen.add(name);
    return [];
  });
}

/**
 * What a pipeline with a changing filter did not get must be what it counts as filtered. What was under way as the filter became narrower
 * has come, and is filtered when its batch is made anew.
 */
function choosiness(
  arrivals: readonly Arrived[],
  destination: string,
  sentAt: ReadonlyMap<string, number>,
  chosen: Balance['pipelines'][number] | undefined,
): Finding {
  const filtered = chosen?.filtered.type ?? 0;
  const came = new Set(arrivals.flatMap((one) => (one.destination === destination ? [one.id] : [])));
  const own = [...new Set(arrivals.flatMap((one) => (one.shop === shops[0].shop ? [one.id] : [])))];
  const missing = own.filter((id) => !came.has(id) && sentAt.has(id)).length;
  const both = came.size - (chosen?.delivered ?? 0);
  const isRight = filtered > 0 && filtered - missing === both && both >= 0 && both <= 4 * BATCH;
  const wrong =
    isRight && chosen?.difference === 0 ? [] : [`${missing} did not come, ${filtered} counted, ${both} both`];
  return none('FILTERED', 'events neither delivered nor counted as filtered, or no filter at work', wrong);
}

/** One line with the mistakes for each refused file. */
function untold(output: string): string[] {
  const lines = readFileSync(output, 'utf8').split('\n');
  const told = lines.filter(
    (line) => line.includes('the new configuration is refused') && line.includes('"mistakes":["'),
  );
  return told.length === refusals ? [] : [`${refusals} expected, ${told.length} in the log`];
}
