import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { freePort } from '../support/ports.ts';
import { openSink, type Sink } from '../support/sink.ts';
import { until } from '../support/until.ts';
import { atLeast, type Finding, none } from './findings.ts';
import { type Gateway, startGateway } from './gateway.ts';
import { commonOptions, judged } from './scenario.ts';
import { askAll } from './secrets/ask.ts';
import { canary, filesIn, leaks, type Seen, secrets } from './secrets/canaries.ts';
import { onDatabase } from './secrets/database.ts';
import { administer, command, tailed } from './secrets/operate.ts';
import type { Place } from './secrets/printed.ts';
import { mute, type Output, unlike } from './secrets/said.ts';
import { damagedStart, mistakenStarts } from './secrets/starts.ts';

/**
 * Canaries in every place that a secret can stand in, a load of good and bad requests, receivers that say back what they were sent,
 * reloads, mistaken configurations, commands, damage, two crashes, and a database that goes away. Then none of them may be in anything that
 * came out: answers, log lines, metrics, files, the log's own pages, diagnostic reports. What says nothing hides nothing, so each must say
 * what it was provoked to.
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
  'an upstream did not answer',
];
/** What must stand in one at least of each kind of places. */
const PLACES = {
  'the answer 201 to verbose': told,
  'the answer 401 to': 'Unauthenticated',
  'the answer 200 to GET /metrics': 'gateway_events_total',
  'the answer 200 to GET /readyz': 'durability',
  'the answer 200 to /admin/dead': 'HTTP 4',
  'the answer 401 to GET /admin': 'Authorization',
  'the answer 201 to an event on PostgreSQL': 'null',
  'the answer 503 to GET /readyz without PostgreSQL': 'ready',
  'the file /gateway.log': 'a planted crash',
  'the file /log/data.mdb': told,
  'the file /archive/': told,
  'the file /report.': 'javascriptStack',
  'the file /dead-export.ndjson': told,
  'the file /quarantine-export.ndjson': told,
};
const WITHIN_MS = 20_000;

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
  const sink = await openSink();
  try {
    return await searched({ folder, entry, sink, port: await freePort(), environment: environmentOf(folder) });
  } finally {
    await sink.close();
  }
});

interface Scene extends Place {
  readonly sink: Sink;
}

async function searched(scene: Scene): Promise<readonly Finding[]> {
  const { folder, port, sink } = scene;
  sayingBack(sink);
  writeFileSync(join(folder, 'gateway.yaml'), configOf(scene));
  writeFileSync(join(folder, 'mistaken.yaml'), configOf(scene, mistakes));
  writeFileSync(join(folder, 'torn.yaml'), configOf(scene).slice(0, 400));
  const first = await started(scene);
  const tailEnded = await tailed(scene, told);
  const answers = [...(await askAll(port, told, false)), ...(await administer(port))];
  const outputs = [...(await command(scene, told)), await tailEnded()];
  await reloaded(scene, first);
  process.kill(first.pid, 'SIGUSR2');
  await until(() => hasReport(folder), WITHIN_MS);
  await first.kill();
  const second = await started(scene);
  answers.push(...(await askAll(port, told, true)));
  process.kill(second.pid, CRASH);
  await until(() => !isAlive(second.pid), WITHIN_MS);
  outputs.push(...(await mistakenStarts(scene)), await damagedStart(scene));
  const database = await onDatabase(scene);
  outputs.push(...database.outputs);
  const files = filesIn(folder).filter((path) => !path.endsWith('.yaml'));
  const seen: Seen[] = [
    ...answers,
    ...database.answers,
    ...outputs,
    ...files.map((file) => ({ where: `the file ${file.slice(folder.length)}`, file })),
  ];
  return [
    none(
      'LEAK',
      `of ${Object.keys(secrets).length} secrets, in ${seen.length} answers, outputs and files`,
      leaks(seen, secrets),
    ),
    ...met(scene, seen, outputs),
  ];
}

/** That the search finds what lies there, and that there was something to search. */
function met({ folder, sink }: Scene, seen: readonly Seen[], outputs: readonly Output[]): Finding[] {
  const file = join(folder, 'planted');
  writeFileSync(file, Buffer.from(`\u0000\u0001{"msg":"${planted}"}`));
  const plants: Seen[] = [
    { where: 'an answer', text: `x ${encodeURIComponent(planted)}` },
    { where: 'a header', text: `Basic ${Buffer.from(`user:${planted}`).toString('base64')}` },
    { where: 'a file', file },
  ];
  return [
    atLeast('PLANTED', 'planted leaks that the search finds, of 3', leaks(plants, { planted }).length, 3),
    atLeast('TOLD', 'places with what a shopper said in an event', leaks(seen, { told }).length, 3),
    none('MUTE', 'kinds of places without what must stand there', mute(seen, PLACES)),
    none('OTHERWISE', `of ${outputs.length} starts and commands, those that end or speak otherwise`, unlike(outputs)),
    none(
      'PROVOKED',
      'log lines that were to be provoked and are not there',
      PROVOKED.filter((line) => linesWith(folder, line).length === 0),
    ),
    atLeast('SAID BACK', 'requests that a receiver said back with their secrets', sink.requests.length, 3),
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

async function started({ entry, folder, port, environment }: Scene): Promise<Gateway> {
  const gateway = startGateway({
    entry,
    folder,
    port,
    config: {},
    nodeArguments: ['--report-on-signal', `--report-directory=${folder}`, '--import', crashing],
    environment: { ...environment, GATEWAY_CONFIG: 'gateway.yaml' },
  });
  await gateway.ready();
  return gateway;
}

/** Mistaken configurations, then a right one with another secret, each until the log says what became of it. */
async function reloaded(scene: Scene, gateway: Gateway): Promise<void> {
  const { folder } = scene;
  const [refused, taken] = ['the new configuration is refused', 'configuration reloaded'];
  const given = async (config: string, line: string, words: string) => {
    const before = linesWith(folder, line, words).length;
    writeFileSync(join(folder, 'gateway.yaml'), config);
    process.kill(gateway.pid, 'SIGHUP');
    await until(() => linesWith(folder, line, words).length > before, WITHIN_MS);
  };
  await given(configOf(scene, mistakes), refused, 'destination.secret');
  await given(configOf(scene).slice(0, 400), refused, 'gateway.yaml, line ');
  await given(configOf(scene).replace(/previousSecret: .*/g, ''), taken, '');
}

function linesWith(folder: string, ...words: readonly string[]): string[] {
  const lines = readFileSync(join(folder, 'gateway.log'), 'utf8').split('\n');
  return lines.filter((line) => words.every((word) => line.includes(word)));
}

/** Whether Node has written a diagnostic report, and to its end. */
function hasReport(folder: string): boolean {
  const [name] = readdirSync(folder).filter((one) => one.startsWith('report.'));
  return name !== undefined && readFileSync(join(folder, name), 'utf8').trimEnd().endsWith('\n}');
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
