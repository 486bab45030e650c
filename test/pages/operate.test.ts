import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import * as assert from 'uvu/assert';
import { destinations } from '../../adapters/destinations/index.ts';
import type { PageOf } from '../../schemas/admin-api/common.ts';
import type { DeadView } from '../../schemas/admin-api/dead-letters.ts';
import type { PipelineReport } from '../../schemas/admin-api/pipelines.ts';
import { PipelineReceipt } from '../../schemas/admin-api/receipts.ts';
import type { ReplayJob } from '../../schemas/admin-api/replays.ts';
import { adminCalls } from '../../server/admin/calls.ts';
import { loadConfig } from '../../server/config/load.ts';
import type { Gateway } from '../../server/process/gateway.ts';
import { describe } from '../support/describe.ts';
import { temporaryFolder } from '../support/folder.ts';
import { beacon, call, gatewayWith, layersEvent } from '../support/gateway.ts';
import { pathWithNpx } from '../support/npx.ts';
import { blockOf, blocksOf, plain, runsOf, shape, tableOf } from '../support/readme.ts';
import { openSink, type Sink } from '../support/sink.ts';
import { runCli } from '../support/terminal.ts';
import { until } from '../support/until.ts';

const page = readFileSync('server/operate/README.md', 'utf8');
const blocks = blocksOf(page);
const ADMIN_TOKEN = 'a'.repeat(32);
const HOOK_SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

describe('server/operate/README.md', ({ it, before, after }) => {
  const folder = temporaryFolder();
  let PATH = '';
  let sink: Sink;
  let gateway: Gateway;
  const configWith = (customEvents: string) =>
    loadConfig({
      source: blockOf(blocks, 'operate_config')
        .replace('{ type: file }', `{ type: file, directory: "${folder.path}/archive" }`)
        .replace('http://localhost:4000/hooks', sink.url)
        .replace('tokens:', `customEvents: ${customEvents}\n    tokens:`),
      env: { HOOK_SECRET },
      destinations,
    });

  async function ask<T>(path: string): Promise<T> {
    const headers = { authorization: `Bearer ${ADMIN_TOKEN}` };
    return JSON.parse((await call(gateway.port, { method: 'GET', path: `/admin${path}`, headers })).body) as T;
  }
  /** Nothing is on its way: what a command says now, it says for good. */
  const settled = async (): Promise<boolean> => {
    const { pipelines } = await ask<{ pipelines: PipelineReport[] }>('/pipelines');
    const { replays } = await ask<{ replays: ReplayJob[] }>('/replays');
    const { items } = await ask<PageOf<DeadView>>('/dead');
    return (
      pipelines.every(({ pending }) => pending === 0) &&
      replays.every(({ state }) => state !== 'running') &&
      items.every(({ redrive }) => redrive !== true)
    );
  };
  const send = async (event_id: string, fields: object = {}) => {
    await beacon(gateway.port, [layersEvent({ event_id, ...fields })]);
    await until(settled);
  };
  const start = (script: string, port: number) => {
    const child = spawn('sh', ['-c', script], { env: { PATH, PORT: String(port), ADMIN_TOKEN } });
    const said = { out: '', err: '' };
    child.stdout.on('data', (chunk) => {
      said.out += String(chunk);
    });
    child.stderr.on('data', (chunk) => {
      said.err += String(chunk);
    });
    return { child, said, closed: once(child, 'close') };
  };

  before(async () => {
    PATH = pathWithNpx(folder.path);
    sink = await openSink();
    sink.behave(({ body }) =>
      /"view-[34]"/.test(body)
        ? { kind: 'answer', status: 422, body: 'no such product' }
        : { kind: 'answer', status: 204 },
    );
    const env = { LOG_URL: `lmdb:${folder.path}/log`, ADMIN_TOKEN };
    gateway = await gatewayWith('shops: [{ shop: x.y, tokens: [t] }]', env, { config: configWith('[]') });
    await send('view-1');
    await send('search-2', { event_type: 'search', query: 'shirt' });
    await send('view-3');
    await send('view-4');
    await send('wish-5', { event_type: 'wishlist_add' });
  });
  after(async () => {
    await gateway.stop();
    await sink.close();
    folder.remove();
  });

  /** What happens outside before a command, as the page tells it. */
  const meanwhile: readonly (readonly [command: string, happens: () => unknown])[] = [
    ['dead redrive', () => sink.behave({ kind: 'answer', status: 204 })],
    ['quarantine redrive', () => gateway.reload(configWith('[wishlist_add]'))],
  ];

  it(
    'has commands that answer as shown, one after the other',
    async () => {
      const runs = runsOf(blocks, 'operate');
      assert.ok(runs.length >= 10);
      for (const { script, answer } of runs) {
        for (const [command, happens] of meanwhile) if (script.includes(command)) await happens();
        await until(settled);
        const { said, closed } = start(script.replaceAll('localhost:3000', `localhost:${gateway.port}`), gateway.port);
        await closed;
        assert.match(plain(said.out), shape(plain(answer)), `${script}${said.out}${said.err}`);
      }
    },
    { timeoutMs: 120_000 },
  );

  it('has a tail that shows what comes, and ends with Ctrl-C', async () => {
    const [{ script, answer } = { script: '', answer: '' }] = runsOf(blocks, 'tail');
    const door = await openDoor(gateway.port);
    const { child, said, closed } = start(`exec ${script}`, door.port);
    await until(() => door.answered());
    await beacon(gateway.port, [
      layersEvent({ event_id: 'view-6' }),
      layersEvent({ event_id: 'search-7', event_type: 'search', query: 'hat' }),
    ]);
    await until(() => said.out.split('\n').length > answer.trim().split('\n').length);
    child.kill('SIGINT');
    assert.equal(await closed, [0, null], said.err);
    door.close();
    assert.match(plain(said.out), shape(plain(answer)), said.out);
  });

  it('has a row for each command', async () => {
    const { out } = await runCli(['--help']);
    const commands = [...out.slice(out.indexOf('Commands:')).matchAll(/^ {2}(\w+)/gm)].map(([, name]) => name);
    assert.equal(namesIn('Command').sort(), commands.filter((name) => name !== 'help').sort());
  });

  it('has examples of all commands', () => {
    const all = [...blocks, ...blocksOf(readFileSync('README.md', 'utf8'))];
    const scripts = ['operate', 'tail', 'run'].flatMap((role) => runsOf(all, role).map(({ script }) => script));
    for (const name of namesIn('Command'))
      assert.match(scripts.join(''), new RegExp(`npx headless-events ${name}\\b`), name);
  });

  it('has a row for each metric', async () => {
    const { body } = await call(gateway.port, { method: 'GET', path: '/metrics' });
    const real = [...body.matchAll(/^# TYPE (gateway_\w+)/gm)].map(([, name]) => name);
    const named = namesIn('Metric');
    assert.equal(named.sort(), real.sort());
  });

  it('has a row for each route, and for each state of a receipt', () => {
    const routes = Object.values(adminCalls).map(({ method, path }) => `${method.toUpperCase()} ${path}`);
    assert.equal(namesIn('Route').sort(), routes.sort());
    const states = PipelineReceipt.anyOf.map(({ properties }) => properties.state.const);
    assert.equal(namesIn('State').sort(), states.sort());
  });
});

/** The first cells of a table, up to a blank: what it has rows for. */
const namesIn = (heading: string): string[] => tableOf(page, heading).map(([cell = '']) => cell.replaceAll('`', ''));

/** A way to the gateway that tells when something has come back. */
async function openDoor(to: number) {
  let answered = false;
  const server = createServer((client) => {
    const gateway = connect(to, '127.0.0.1');
    client.pipe(gateway).pipe(client);
    gateway.on('data', () => {
      answered = true;
    });
    for (const socket of [client, gateway]) socket.on('error', () => socket.destroy());
  });
  server.listen(0);
  await once(server, 'listening');
  return { port: (server.address() as AddressInfo).port, answered: () => answered, close: () => server.close() };
}
