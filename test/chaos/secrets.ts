import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { openSink, type Sink } from '../support/sink.ts';
import { until } from '../support/until.ts';
import { freePort } from './children.ts';
import { atLeast, type Finding, none } from './findings.ts';
import { type Gateway, startGateway } from './gateway.ts';
import { pause } from './random.ts';
import { commonOptions, judged } from './scenario.ts';
import { askAll } from './secrets/ask.ts';
import { canary, filesIn, leaks, type Seen, secrets } from './secrets/canaries.ts';
import { administer, command, printed } from './secrets/operate.ts';

/**
 * Canaries in every place that a secret can stand in, a load of good and bad requests, receivers that say back what they were sent,
 * reloads, mistaken configurations, commands, damage and two crashes. Then none of them may be in anything that came out: answers, log
 * lines, metrics, files, the log's own pages, diagnostic reports.
 *
 * A token that a client writes into the body of its own event is no secret of ours any more: it is part of the event, which is kept and
 * delivered as it came. `told` stands for that, and proves that the search finds what lies there.
 *
 *   node --import tsx test/chaos/secrets.ts
 */
const { values } = parseArgs({ options: commonOptions });

const SHOP = 'demo.myshopify.com';
const CRASH = 'SIGALRM';
/** Loaded into the gateway: throws where nobody catches it. */
const crashing = `data:text/javascript,process.on('${CRASH}',()=>{throw new Error('a planted crash')})`;
/** A second shop, of which everything is wrong. */
const mistakes = `  - shop: ${SHOP}
    tokens: ["${secrets['a server token']}", "two words ${secrets['an unknown token']}"]
    nonsense: "${secrets['a cookie']}"
    pipelines: [{ id: A, destination: { type: webhook, url: "https://${secrets['a user of a URL']}:${secrets['a user of a URL']}@x", secret: "${secrets['a signing secret']}x" } }]`;
/** In a field of an event, where it must be found again. */
const told = canary('told');
/** In a log line and a file of our own making: a search that misses it finds nothing. */
const planted = canary('planted');

const PROVOKED = [
  'the new configuration is refused',
  'configuration reloaded',
  'a planted crash',
  'Glood did not answer',
];
const KINDS = [
  'answer',
  'command',
  'gateway.log',
  '/log/',
  'archive',
  'report.',
  'start',
  '/admin',
  'command tail',
  'export.ndjson',
];

const environmentOf = (folder: string): Record<string, string> => ({
  TOKEN: secrets['a storefront token'],
  PREVIOUS: secrets['the secret before it'],
  API_KEY: secrets['another header of a destination'],
  ADMIN_TOKEN: secrets['the admin token'],
  DATABASE_URL: `postgres://user:${secrets['the password of a database']}@127.0.0.1/none`,
  LOG_URL: `lmdb:${join(folder, 'log')}`,
  LOG_LEVEL: 'trace',
});

await judged(values, async (folder, entry) => {
  const seen: Seen[] = [];
  const sink = await openSink();
  try {
    return await searched({ folder, entry, sink, seen, port: await freePort() });
  } finally {
    await sink.close();
  }
});

interface Scene {
  readonly folder: string;
  readonly entry: string;
  readonly port: number;
  readonly sink: Sink;
  /** Everything that came out, by where. */
  readonly seen: Seen[];
}

async function searched(scene: Scene): Promise<readonly Finding[]> {
  const { folder, entry, port, sink, seen } = scene;
  sayingBack(sink);
  writeFileSync(join(folder, 'gateway.yaml'), configOf(scene));
  writeFileSync(join(folder, 'mistaken.yaml'), configOf(scene, mistakes));
  writeFileSync(join(folder, 'torn.yaml'), configOf(scene).slice(0, 400));
  const first = await started(scene);
  seen.push(...(await askAll(port, told, false)), ...(await administer(port)));
  seen.push(...(await command(scene, environmentOf(folder))));
  await reloaded(scene, first);
  process.kill(first.pid, 'SIGUSR2');
  await until(() => readdirSync(folder).some((name) => name.startsWith('report.')), 20_000);
  await first.kill();
  const second = await started(scene);
  seen.push(...(await askAll(port, told, true)));
  process.kill(second.pid, CRASH);
  await until(() => !isAlive(second.pid), 20_000);
  seen.push(...(await mistakenStarts(scene)), {
    where: 'a start on a damaged log',
    text: await damagedStart(scene, entry),
  });
  for (const path of filesIn(folder))
    if (!path.endsWith('.yaml')) seen.push({ where: `the file ${path.slice(folder.length)}`, file: path });
  return [
    none(
      'LEAK',
      `of ${Object.keys(secrets).length} secrets, in ${seen.length} answers, outputs and files`,
      leaks(seen, secrets),
    ),
    ...met(scene),
  ];
}

/** That the search finds what lies there, and that there was something to search. */
function met({ folder, sink, seen }: Scene): Finding[] {
  const file = join(folder, 'planted');
  writeFileSync(file, Buffer.from(`\u0000\u0001{"msg":"${planted}"}`));
  const plants: Seen[] = [
    { where: 'an answer', text: `x ${encodeURIComponent(planted)}` },
    { where: 'a header', text: `Basic ${Buffer.from(planted).toString('base64')}` },
    { where: 'a file', file },
  ];
  return [
    atLeast('MET', 'planted leaks that the search finds, of 3', leaks(plants, { planted }).length, 3),
    atLeast('MET', 'places with what a shopper said in an event', leaks(seen, { told }).length, 3),
    none(
      'MET',
      'kinds of places that were not searched',
      KINDS.filter((kind) => !seen.some(({ where }) => where.includes(kind))),
    ),
    none(
      'MET',
      'log lines that were to be provoked and are not there',
      PROVOKED.filter((line) => !readFileSync(join(folder, 'gateway.log'), 'utf8').includes(line)),
    ),
    atLeast('MET', 'requests that a receiver said back with their secrets', sink.requests.length, 3),
  ];
}

/** A receiver that refuses, and says back all that it was sent: as it came, and as an address, a header or a debugger writes it. */
function sayingBack(sink: Sink): void {
  sink.behave(({ headers, path, body }, before) => {
    const said = `${path} ${JSON.stringify(headers)} ${encodeURIComponent(String(headers.authorization))} ${body.length}`;
    if (path.includes('headless/init'))
      return { kind: 'answer', status: before % 2 ? 500 : 200, body: before % 2 ? said : '{"visit_id":"v"}' };
    return {
      kind: 'answer',
      status: [422, 500, 401, 410][before % 4] ?? 422,
      headers: { location: said.slice(0, 200) },
      body: said,
    };
  });
}

function configOf({ sink }: Pick<Scene, 'sink'>, more = ''): string {
  const digest = createHash('sha256').update(secrets['the plaintext of a digest']).digest('hex');
  const hook = (id: string, address: string) => `
      - id: ${id}
        destination:
          type: webhook
          url: "${address}"
          secret: "${secrets['a signing secret']}"
          previousSecret: "\${PREVIOUS}"
          headers: { authorization: "Bearer ${secrets['a header of a destination']}", x-api-key: "\${API_KEY}" }
          allowPrivateNetworks: true`;
  return `
shops:
  - shop: ${SHOP}
    tokens: ["\${TOKEN}", "${secrets['a token in rotation']}", "sha256:${digest}"]
    serverTokens: ["${secrets['a server token']}"]
    origins: ['https://shop.example.com']
    glood: { upstream: "${new URL(sink.url).origin}", allowPrivateNetworks: true }
    pipelines:
      - id: archive
        destination: { type: file, directory: archive }${hook('refusing', `${sink.url}?key=${secrets['a query of a destination']}`)}${hook('gone', `http://127.0.0.1:9/${'x'}?key=${secrets['a query of a destination']}`)}
${more}`;
}

async function started({ entry, folder, port }: Scene): Promise<Gateway> {
  const gateway = startGateway({
    entry,
    folder,
    port,
    config: {},
    nodeArguments: ['--report-on-signal', `--report-directory=${folder}`, '--import', crashing],
    environment: { ...environmentOf(folder), GATEWAY_CONFIG: 'gateway.yaml' },
  });
  await gateway.ready();
  return gateway;
}

/** A mistaken configuration, then a right one with another secret; the log lines say what became of both. */
async function reloaded(scene: Scene, gateway: Gateway): Promise<void> {
  const { folder } = scene;
  for (const config of ['mistaken.yaml', 'torn.yaml']) {
    copyFileSync(join(folder, config), join(folder, 'gateway.yaml'));
    process.kill(gateway.pid, 'SIGHUP');
    await pause(300);
  }
  writeFileSync(join(folder, 'gateway.yaml'), configOf(scene).replace(/previousSecret: .*/g, ''));
  process.kill(gateway.pid, 'SIGHUP');
  await pause(300);
}

/** Starts that refuse: what they print is all that is left of them. */
async function mistakenStarts({ entry, folder }: Scene): Promise<Seen[]> {
  const wrong: readonly Record<string, string>[] = [
    { GATEWAY_CONFIG: 'mistaken.yaml' },
    { GATEWAY_CONFIG: 'torn.yaml' },
    {
      GATEWAY_CONFIG: 'gateway.yaml',
      LOG_URL: `postgres://user:${secrets['the password of a database']}@127.0.0.1:9/none`,
    },
    { GATEWAY_CONFIG: 'gateway.yaml', LOG_URL: `nonsense://user:${secrets['the password of a database']}@x` },
    { GATEWAY_CONFIG: 'gateway.yaml', ADMIN_TOKEN: secrets['the admin token'].slice(0, 9) },
    { GATEWAY_CONFIG: `{"shops":[{"shop":"x","tokens":["${secrets['a token in rotation']} x"]}]}` },
  ];
  return Promise.all(
    wrong.map(async (more) => ({
      where: `a start with ${Object.keys(more).join(' and ')}`,
      text: await printed([entry], folder, { ...environmentOf(folder), PORT: '0', ...more }),
    })),
  );
}

async function damagedStart({ folder }: Scene, entry: string): Promise<string> {
  const damaged = join(folder, 'damaged', 'log');
  mkdirSync(damaged, { recursive: true });
  for (const path of filesIn(join(folder, 'log'))) {
    const copy = join(damaged, basename(path));
    copyFileSync(path, copy);
    truncateSync(copy, 20_000);
  }
  return printed([entry], folder, {
    ...environmentOf(folder),
    PORT: '0',
    GATEWAY_CONFIG: 'gateway.yaml',
    LOG_URL: `lmdb:${damaged}`,
  });
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
