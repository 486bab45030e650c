import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttp } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import { freePort } from '../support/ports.ts';
import { until } from '../support/until.ts';
import { ADMIN_TOKEN, openAdmin } from './admin.ts';
import { shops, startAudit } from './audit.ts';
import { lag } from './destinations/lag.ts';
import { bookkeeping, timesIn } from './destinations/run.ts';
import { reportsOf, startWatch } from './destinations/watch.ts';
import { recognise } from './events.ts';
import { atLeast, type Finding, none } from './findings.ts';
import { journal } from './ledger.ts';
import { closed, listening } from './listen.ts';
import { openNameServer, type Said } from './names/server.ts';
import { needPrograms, needRoot } from './not-run.ts';
import { pause } from './random.ts';
import { judged, logOptions, onStage, type Stage, stopped } from './scenario.ts';
import { destinationOf, type Target } from './targets.ts';

/**
 * A name server that is a danger: it does not answer for some names, fails for others, knows no third, and says that public ones are
 * on this machine. Destinations with other names must not notice, and nothing may connect to where no event may go.
 * It runs with an /etc/resolv.conf of its own, so it needs root.
 *
 *   node --import tsx test/chaos/names.ts --seconds 40
 */
const { values } = parseArgs({
  options: {
    ...logOptions,
    /** How long the name server is bad. */
    seconds: { type: 'string', default: '40' },
    /** Pipelines to names that get no answer. */
    silent: { type: 'string', default: '10' },
    rate: { type: 'string', default: '40' },
    'quiet-seconds': { type: 'string', default: '120' },
  },
});

const NAMESPACE = 'GATEWAY_CHAOS_NAMES';
const SERVER = '127.0.0.77';
const quietMs = Number(values['quiet-seconds']) * 1000;
const silent = Array.from({ length: Number(values.silent) }, (_, index) => `silent-${index}`);
const inward: Readonly<Record<string, Said>> = {
  loopback: { a: ['127.0.0.1'] },
  'one-of-two': { a: ['8.8.8.8', '127.0.0.1'] },
  mapped: { aaaa: ['0:0:0:0:0:ffff:7f00:1'] },
  metadata: { a: ['169.254.169.254'] },
};
const unknown: Readonly<Record<string, Said>> = { 'no-such-name': { code: 3 }, fails: { code: 2 } };

if (process.env[NAMESPACE]) await judged(values, (folder, entry) => onStage(folder, entry, values.log, scenario));
else await again();

/** Starts this very scenario again where /etc/resolv.conf names our server; nobody else sees that. */
async function again(): Promise<void> {
  const lacking = await judgedLacks();
  if (lacking) return;
  const folder = mkdtempSync(join(tmpdir(), 'names-'));
  const file = join(folder, 'resolv.conf');
  writeFileSync(file, `nameserver ${SERVER}\n`);
  const words = [process.execPath, '--import', 'tsx', import.meta.filename, ...process.argv.slice(2)];
  const script = `mount --bind "$0" /etc/resolv.conf && exec "$@"`;
  const { status } = spawnSync('unshare', ['--mount', 'sh', '-c', script, file, ...words], {
    stdio: 'inherit',
    env: { ...process.env, [NAMESPACE]: '1' },
  });
  rmSync(folder, { recursive: true });
  process.exit(status ?? 1);
}

/** Ends this process as not run where it cannot play; gives false where it can. */
async function judgedLacks(): Promise<boolean> {
  try {
    needRoot('mount a file over /etc/resolv.conf');
    needPrograms({ unshare: 'util-linux' });
    return false;
  } catch (error) {
    return judged(values, async () => {
      throw error;
    });
  }
}

async function scenario({ files, port, start }: Stage): Promise<Finding[]> {
  const names = await openNameServer(SERVER);
  const [wellPort, canaryPort] = [await freePort(), 8443];
  const [{ shop }] = shops;
  const target = (pipeline: string, more: object = {}): Target => ({
    shop,
    pipeline,
    port: wellPort,
    settings: { url: `http://${pipeline}.test:${wellPort}/${shop}/${pipeline}`, ...more },
  });
  const guarded = (pipeline: string) =>
    target(pipeline, { url: `https://${pipeline}.test:${canaryPort}/hooks`, allowPrivateNetworks: false });
  const well = target('well');
  const mended = [...silent, ...Object.keys(unknown)].map((name) => target(name));
  const never = Object.keys(inward).map(guarded);
  const targets = [well, ...mended, ...never];
  for (const name of ['well', ...silent]) names.says(`${name}.test`, { a: ['127.0.0.1'] });
  for (const [name, said] of Object.entries({ ...inward, ...unknown })) names.says(`${name}.test`, said);

  const load = { lanes: 8, batch: 10, rate: Number(values.rate) };
  const audit = startAudit({ folder: files, port, seed: Number(values.seed), load, targets });
  const strangers: string[] = [];
  const canary = createServer((socket) => {
    strangers.push(String(socket.remotePort));
    socket.on('error', () => {}).destroy();
  });
  await listening(canary, canaryPort, '0.0.0.0');
  const sink = await openForgetful(wellPort, audit.record);
  const gateway = await start(audit.config, { ADMIN_TOKEN });
  const admin = openAdmin(port, 2);
  const watch = startWatch(admin, gateway.pid);
  const began = Date.now();
  audit.startLoad();
  // The silent ones are known until then, and forgotten by nobody but the server.
  await until(async () => (await reportsOf(admin)).filter(({ delivered }) => delivered > 0).length > silent.length);
  const before = new Map(silent.map((name) => [name, names.asked(`${name}.test`)]));
  for (const name of silent) names.says(`${name}.test`, 'nothing');
  await pause(Number(values.seconds) * 1000);
  await watch.stop();
  const endedAt = Date.now();
  const bad = [...silent, ...Object.keys(inward), ...Object.keys(unknown)];
  const asked = bad.filter((name) => names.asked(`${name}.test`) > (before.get(name) ?? 0)).length;
  for (const { pipeline } of mended) names.says(`${pipeline}.test`, { a: ['127.0.0.1'] });
  await audit.loadEnded('SIGTERM');
  const kept = new Set(never.map(({ pipeline }) => pipeline));
  await until(
    async () => (await reportsOf(admin)).every(({ pipeline, pending }) => pending === 0 || kept.has(pipeline)),
    quietMs,
  ).catch(() => {});
  const balance = await admin.ask<Parameters<typeof bookkeeping>[0]>('/balance');
  const keptAt = new Set(never.map(destinationOf));
  const { findings } = await audit.verdict(quietMs, {
    allowedDuplicates: 0,
    excused: (destination) => keptAt.has(destination),
  });
  admin.close();
  const exit = await stopped(gateway);
  await sink.close();
  canary.close();
  names.close();
  const arrivals = audit.arrivals();
  const reasons = (name: string) => (watch.phases.get(name) ?? []).flatMap(({ reason = [] }) => reason);
  const inwardFor = (name: string) => reasons(name).every((reason) => /not a public address/.test(reason));
  const open = Object.keys(inward).filter((name) => reasons(name).length === 0 || !inwardFor(name));
  return [
    atLeast('MET', 'bad names that were asked for while they were', asked, bad.length),
    ...findings,
    bookkeeping(balance, arrivals, [], targets, kept),
    none('CANARY', 'connections to this machine for names that may not lead here', strangers),
    none('ACTION', 'of those names refused for another reason, or for none', open),
    none('DISTURBED', 'attempts that failed for the name that is well', reasons('well')),
    lag(
      'BESIDE',
      'the healthy',
      arrivals.filter(({ destination }) => destination === destinationOf(well)),
      timesIn(audit.ledger, audit.run),
      [began, endedAt],
    ),
    exit,
  ];
}

/** Takes everything and closes each connection, so that its name is looked up for each request. */
async function openForgetful(port: number, record: string): Promise<{ close(): Promise<void> }> {
  const { write } = journal(record);
  let requests = 0;
  const server = createHttp((request, response) => {
    const take = async () => {
      const { data } = JSON.parse(await text(request)) as { data: { events: unknown[] } };
      requests += 1;
      const delivery = { id: String(request.headers['webhook-id']), request: requests };
      const destination = request.url?.slice(1) ?? '';
      write(...data.events.map((event) => ({ ...recognise(event), destination, delivery, at: Date.now() })));
      response.writeHead(200, { connection: 'close' }).end();
    };
    void take().catch(() => response.destroy());
  });
  await listening(server, port);
  return { close: () => closed(server) };
}
