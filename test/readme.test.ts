import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { Webhook } from 'standardwebhooks';
import * as assert from 'uvu/assert';
import { destinations } from '../adapters/destinations/index.ts';
import { TooManyRequests } from '../adapters/dialects/dialect.ts';
import { dialects } from '../adapters/dialects/index.ts';
import { LogUnavailable } from '../adapters/logs/log.ts';
import { Settings } from '../schemas/settings.ts';
import { loadConfig } from '../server/config/config.ts';
import { EXPOSED_HEADERS } from '../server/http/cors.ts';
import { createIngest, type IngestTools } from '../server/ingest/ingest.ts';
import { createShops } from '../server/ingest/shops.ts';
import { Overloaded } from '../server/overload/load.ts';
import type { Gateway } from '../server/process/gateway.ts';
import { describe } from './support/describe.ts';
import { temporaryFolder } from './support/folder.ts';
import {
  beacon,
  type Call,
  call,
  configOf,
  gatewayWith,
  glood,
  layersEvent,
  type Reply,
  tapcart,
} from './support/gateway.ts';
import { freePort } from './support/ports.ts';
import { blockOf, blocksOf, plain, runsOf, shape, tableOf, withGeneratedParts } from './support/readme.ts';
import { openSink } from './support/sink.ts';
import { until } from './support/until.ts';

const readme = readFileSync('README.md', 'utf8');
const blocks = blocksOf(readme);
const HOOK_SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

const block = (role: string): string => blockOf(blocks, role);

const load = (source: string) => {
  const names = [...source.matchAll(/\$\{(\w+)\}/g)].map(([, name = '']) => name);
  const env = Object.fromEntries(
    names.map((name) => [name, name === 'HOOK_SECRET' ? HOOK_SECRET : `value-of-${name}`]),
  );
  return loadConfig({ source, env, destinations });
};

const ROOMS = readdirSync('server', { withFileTypes: true }).flatMap((entry) =>
  entry.isDirectory() ? [entry.name] : [],
);

/** Every page of the project. */
const pages = ['.', 'server', 'adapters', 'schemas', 'test']
  .flatMap((folder) =>
    readdirSync(folder, { recursive: folder !== '.', encoding: 'utf8' }).map((name) => join(folder, name)),
  )
  .filter((name) => name.endsWith('.md'));

interface Override {
  readonly includes: readonly string[];
  readonly linter: {
    readonly rules: {
      readonly style?: {
        readonly noRestrictedImports?: {
          readonly options: { readonly patterns: readonly { readonly group: readonly string[] }[] };
        };
      };
    };
  };
}

const unquoted = (cell: string): string => cell.replaceAll('`', '');

describe('README.md: the examples', ({ it, before, after }) => {
  const folder = temporaryFolder();
  const children: ChildProcess[] = [];
  let port = 0;
  let output = () => '';

  const start = (args: string[], env: Record<string, string>) => {
    const child = spawn(process.execPath, args, { cwd: folder.path, env: { PATH: process.env.PATH, ...env } });
    children.push(child);
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk) => {
        output += String(chunk);
      });
    return () => output;
  };
  const settled = async () =>
    JSON.parse((await call(port, { method: 'GET', path: '/readyz' })).body).pipelines[0].pending === 0;

  before(async () => {
    // Looks like a clone, and what is written there goes with it.
    for (const name of ['adapters', 'node_modules', 'package.json', 'schemas', 'server'])
      symlinkSync(resolve(name), join(folder.path, name));
    output = start(['--import', 'tsx', 'server/main.ts'], { PORT: '0' });
    port = await until(() => Number(/"port":(\d+)/.exec(output())?.[1]), 50_000);
  });
  after(() => {
    for (const child of children) child.kill('SIGKILL');
    folder.remove();
  });

  it('do what they say, one after the other', async () => {
    const runs = runsOf(blocks, 'run');
    assert.ok(runs.length >= 5);
    for (const { script, answer } of runs) {
      // What was sent is in the files once it is delivered.
      await until(settled);
      const here = script.replaceAll('localhost:3000', `localhost:${port}`);
      // As the line that the start printed says.
      const ADMIN_TOKEN = /export ADMIN_TOKEN=(\w+)/.exec(output())?.[1];
      const env = { PATH: process.env.PATH, PORT: String(port), ADMIN_TOKEN };
      const { stdout, stderr } = spawnSync('sh', ['-c', here], { cwd: folder.path, env, encoding: 'utf8' });
      assert.match(plain(stdout), shape(plain(answer)), `${script}${stderr}`);
    }
  });

  it('show a stored event as it is', () => {
    const archive = join(folder.path, 'data/archive/demo.myshopify.com');
    const lines = readdirSync(archive).flatMap((file) => readFileSync(join(archive, file), 'utf8').trim().split('\n'));
    const shown = JSON.parse(block('event'));
    const stored = lines.map((line) => JSON.parse(line)).find(({ event_id }) => event_id === shown.event_id);
    assert.equal({ ...stored, received_at: '' }, { ...shown, received_at: '' });
    assert.equal(Object.keys(stored), Object.keys(shown));
  });

  it('verify a real delivery, and nothing else', async () => {
    const receiverPort = await freePort();
    writeFileSync(join(folder.path, 'receiver.mjs'), block('receiver_js').replace('4000', String(receiverPort)));
    const output = start(['receiver.mjs'], { HOOK_SECRET });
    const forgery = { type: 'storefront.events', data: { events: [{ event_type: 'forged', event_id: 'forged' }] } };
    const forged = new Webhook(`whsec_${Buffer.alloc(32, 8).toString('base64')}`);
    const at = new Date();
    const body = JSON.stringify(forgery);
    const headers = {
      'webhook-id': 'x',
      'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
      'webhook-signature': forged.sign('x', at, body),
    };
    const refused = await until(() => call(receiverPort, { path: '/hooks', headers, body }).catch(() => undefined));
    assert.is(refused.status, 401);

    const config = load(block('receiver_config').replace('4000', String(receiverPort)));
    const gateway = await gatewayWith('shops: [{ shop: demo.myshopify.com, tokens: [demo-token] }]', {}, { config });
    await beacon(gateway.port, [layersEvent({ event_id: 'hooked' })]);
    assert.match(await until(() => /^\S+ product_view \S+$/m.exec(output())?.[0]), /^hook_\S+ product_view hooked$/);
    await gateway.stop();
  });

  it('show a webhook body as it is', async () => {
    const sink = await openSink();
    const config = load(block('receiver_config').replace('http://localhost:4000/hooks', sink.url));
    const gateway = await gatewayWith('shops: [{ shop: demo.myshopify.com, tokens: [demo-token] }]', {}, { config });
    await beacon(gateway.port, [layersEvent()]);
    const sent = JSON.parse((await until(() => sink.requests[0])).body);
    sink.verify(HOOK_SECRET);
    await gateway.stop();
    await sink.close();
    const shown = JSON.parse(block('webhook'));
    const alike = { timestamp: '', data: { ...shown.data, events: [] } };
    assert.equal({ ...sent, ...alike, data: { ...sent.data, events: [] } }, { ...shown, ...alike });
  });
});

describe('README.md: the configuration', ({ it }) => {
  it('has examples that load', () => {
    const examples = blocks.filter(({ language }) => language === 'yaml');
    assert.ok(examples.length >= 2);
    for (const { text } of examples) assert.ok(load(text).shops.length > 0);
  });

  it('has the generated parts that the sources give (npm run readme)', () => {
    assert.is(readme, withGeneratedParts(readme));
  });

  it('names no environment variable that does not exist', () => {
    // What hostile clients write is no setting.
    const ours = readme.replace(/<!-- hostile -->.*<!-- \/hostile -->/s, '');
    const set = [...ours.matchAll(/\b([A-Z][A-Z_]+)=(?=\S)/g)].map(([, name = '']) => name);
    assert.ok(set.length > 8);
    const secrets = new Set([...readme.matchAll(/\$\{(\w+)\}/g)].map(([, name]) => name));
    for (const name of set) assert.ok(name in Settings.properties || secrets.has(name), name);
  });
});

const config = `
shops:
  - { shop: demo.myshopify.com, tokens: [demo-token], origins: ['https://shop.example.com'] }
  - { shop: other.myshopify.com, tokens: [other-token], successStatus: 204 }`;
const gloodEvent = { event: { id: 'g', name: 'page_viewed' }, session_id: 's1' };
const other = { 'x-storefront-access-token': 'other-token', authorization: 'Bearer other-token', 'x-shop': '' };
const foreign = { origin: 'https://elsewhere.example' };

const tapcartEvent = { event: 'pageView', mp_metadata: { mp_event_id: 't' } };
const query = { path: '/webhooks/tapcart?token=other-token' };

/** By the first cell of the table: the calls that show it, for each dialect. Without a call there must be no status. */
const situations: Readonly<
  Record<string, { layers?: Call & { events?: unknown[] }; glood?: Call & { json?: object }; tapcart?: Call }>
> = {
  valid: { layers: {}, glood: {}, tapcart: {} },
  'valid, shop with `successStatus: 204`': {
    layers: { headers: other },
    glood: { headers: other, json: { ...gloodEvent, shop_domain: 'other.myshopify.com' } },
    tapcart: query,
  },
  'sent before (same id, type and shopper within `DEDUP_HOURS`)': {
    layers: { events: [layersEvent({ event_id: 'g' })] },
    glood: {},
    tapcart: {},
  },
  'an invalid event': { layers: { events: [{}] }, glood: { json: {} }, tapcart: { body: '{}' } },
  'the body as a whole is wrong': { layers: { body: '[' }, glood: { body: '[' }, tapcart: { body: '[' } },
  'over 100 events': { layers: { events: Array.from({ length: 101 }, () => layersEvent()) } },
  'token missing or unknown': {
    layers: { headers: { 'x-storefront-access-token': 'x' } },
    glood: { headers: { authorization: '' } },
    tapcart: { path: '/webhooks/tapcart' },
  },
  'another shop is named': { glood: { headers: { 'x-shop': 'other.myshopify.com' } } },
  'the shop does not list the origin': {
    layers: { headers: foreign },
    glood: { headers: foreign },
    tapcart: { headers: foreign },
  },
  'the shop is not named at all': { glood: { headers: { 'x-shop': '' } } },
  'the body cannot be decompressed': {
    layers: { headers: { 'content-encoding': 'br' } },
    glood: { headers: { 'content-encoding': 'br' } },
    tapcart: { headers: { 'content-encoding': 'br' } },
  },
  'another method, with `Allow: POST, OPTIONS`': {
    layers: { method: 'PUT' },
    glood: { method: 'PUT' },
    tapcart: { method: 'PUT' },
  },
  'body over `BODY_MAX_BYTES`': {
    layers: { body: 'x'.repeat(300_000) },
    glood: { body: 'x'.repeat(300_000) },
    tapcart: { body: 'x'.repeat(300_000) },
  },
  'another content type or encoding': {
    layers: { headers: { 'content-type': 'text/csv' } },
    glood: { headers: { 'content-encoding': 'snappy' } },
    tapcart: { headers: { 'content-type': 'text/plain' } },
  },
};

describe('README.md: the answers', ({ it, before, after }) => {
  let gateway: Gateway;
  const folder = temporaryFolder();
  before(async () => {
    gateway = await gatewayWith(config, { LOG_URL: `lmdb:${folder.path}` });
  });
  after(async () => {
    await gateway.stop();
    folder.remove();
  });

  for (const [situation = '', layersCell = '', gloodCell = '', tapcartCell = ''] of tableOf(readme, 'Request')) {
    it(`are as the table says: ${situation}`, async () => {
      if (situation.startsWith('the log cannot store'))
        return refusals(new LogUnavailable('full'), '1', layersCell, gloodCell, tapcartCell);
      if (situation.startsWith('over the rate limits'))
        return refusals(new TooManyRequests(3), '3', layersCell, gloodCell, tapcartCell);
      if (situation.startsWith('more than the gateway can do now'))
        return refusals(new Overloaded(3, false), '3', layersCell, gloodCell, tapcartCell);
      const calls = situations[situation];
      assert.ok(calls, `no call shows "${situation}"`);
      const { port } = gateway;
      fits(layersCell, calls.layers && (await beacon(port, calls.layers.events ?? [layersEvent()], calls.layers)));
      fits(gloodCell, calls.glood && (await glood(port, calls.glood.json ?? gloodEvent, calls.glood)));
      fits(tapcartCell, calls.tapcart && (await tapcart(port, tapcartEvent, calls.tapcart)));
    });
  }

  it('have the headers that the page names', async () => {
    const { headers } = await beacon(gateway.port, [layersEvent()]);
    const named = tableOf(readme, 'Header of every answer').map(([cell = '']) => cell.replaceAll('`', ''));
    for (const name of named) assert.ok(headers[name.toLowerCase()], name);
    assert.equal([...EXPOSED_HEADERS].sort(), [...named, 'Retry-After'].sort());
  });

  it('have metrics behind them as the page names them', async () => {
    const { body } = await call(gateway.port, { method: 'GET', path: '/metrics' });
    const real = [...body.matchAll(/^# TYPE (gateway_\w+)/gm)].map(([, name]) => name);
    const named = tableOf(readme, 'Metric').map(([cell = '']) => cell.replaceAll('`', ''));
    assert.equal(named.sort(), real.sort());
  });
});

describe('README.md and its neighbours', ({ it }) => {
  it('give a reason for each dependency, and for no other', () => {
    const { dependencies, devDependencies, scripts, bin } = JSON.parse(readFileSync('package.json', 'utf8'));
    const named = tableOf(readme, 'Package').map(([name = '', why = '']) => {
      assert.ok(why.length > 5, name);
      return name.replaceAll('`', '');
    });
    assert.equal(named, [...Object.keys(dependencies).sort(), ...Object.keys(devDependencies).sort()]);
    for (const [, script = ''] of readme.matchAll(/npm run (\w+)/g)) assert.ok(script in scripts, script);
    assert.match(readme, bin['headless-events']);
  });

  for (const page of pages) {
    it(`have links that lead somewhere: ${page}`, () => {
      const text = readFileSync(page, 'utf8');
      for (const [, target = ''] of text.replace(/^```.*?^```$/gms, '').matchAll(/\]\(([^)]+)\)/g)) {
        const [path = '', anchor] = target.split('#');
        if (/^https:/.test(path)) continue;
        const file = path === '' ? page : join(dirname(page), path);
        assert.ok(existsSync(file), `${page}: ${target}`);
        if (anchor !== undefined)
          assert.ok(anchorsOf(readFileSync(file, 'utf8')).includes(anchor), `${page}: ${target}`);
      }
    });
  }

  it('describe every file of the server in its room', () => {
    const folders = ['server', ...ROOMS.map((room) => `server/${room}`)];
    for (const folder of folders) {
      const files = readdirSync(folder, { recursive: folder !== 'server', encoding: 'utf8' });
      const named = tableOf(readFileSync(`${folder}/README.md`, 'utf8'), 'File').map(([cell = '']) => unquoted(cell));
      assert.equal(named.sort(), files.filter((name) => name.endsWith('.ts')).sort(), folder);
    }
  });

  it('say of each room what lint lets it import', () => {
    const rows = tableOf(readFileSync('server/README.md', 'utf8'), 'Room');
    const named = rows.map(([cell = '']) => /\[`(\w+)\/`\]/.exec(cell)?.[1] ?? cell);
    assert.equal([...named].sort(), [...ROOMS].sort());
    const { overrides } = JSON.parse(readFileSync('biome.json', 'utf8')) as { overrides: Override[] };
    for (const [at, room] of named.entries()) {
      const may = [...(rows[at]?.[2] ?? '').matchAll(/`(\w+)`/g)].map(([, name]) => name);
      const blocks = overrides.filter(({ includes }) => includes.every((path) => path.startsWith(`server/${room}/`)));
      assert.ok(blocks.length > 0, room);
      for (const { linter } of blocks) {
        const forbidden = linter.rules.style?.noRestrictedImports?.options.patterns.flatMap(({ group }) => group) ?? [];
        const others = ROOMS.filter((other) => other !== room && !may.includes(other));
        for (const other of ROOMS)
          assert.is(forbidden.includes(`**/${other}/**`), others.includes(other), `${room} → ${other}`);
      }
      const own = readFileSync(`server/${room}/README.md`, 'utf8');
      const said = [...(/^It may import: (.*), schemas and adapters\.$/m.exec(own)?.[1] ?? '').matchAll(/`(\w+)`/g)];
      assert.equal(
        said.map(([, name]) => name),
        may,
        `server/${room}/README.md`,
      );
    }
  });
});

function fits(cell: string, reply: Reply | undefined): void {
  const [, status, body = ''] = /^(\d{3})(?:.*?`(.*?)`)?/.exec(cell) ?? [];
  assert.is(reply?.status, status === undefined ? undefined : Number(status), `${cell}: ${reply?.body}`);
  if (reply === undefined) return;
  assert.match(reply.body, shape(body));
  if (reply.status === 405) assert.is(reply.headers.allow, 'POST, OPTIONS');
}

/** What cannot be had on demand: the step that answers for it is asked. */
function refusals(error: Error, retryAfter: string, ...cells: string[]): void {
  const tools = { shops: () => createShops(configOf(config)), onError: assert.unreachable } as unknown as IngestTools;
  for (const [at, dialect] of dialects.entries()) {
    const { status, body = '', headers } = createIngest(tools).refuse(dialect, error);
    assert.is(headers['Retry-After'], retryAfter);
    fits(cells[at] ?? '', { status, body, headers });
  }
}

const anchorsOf = (page: string): string[] =>
  [...page.matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replace(/[^\w -]/g, '')
      .replaceAll(' ', '-'),
  );
