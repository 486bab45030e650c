import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import * as assert from 'uvu/assert';
import { built } from './support/built.ts';
import { describe } from './support/describe.ts';
import { temporaryFolder } from './support/folder.ts';
import { beacon, layersEvent, SHOP } from './support/gateway.ts';
import { startMain } from './support/main.ts';
import { alive, descendants, signal } from './support/processes.ts';
import { until } from './support/until.ts';

built();
/** Several starts, on a machine that has much else to do. */
const SLOW = { timeoutMs: 180_000 };

const tokenIn = (output: string): string => /ADMIN_TOKEN=([0-9a-f]{64})\b/.exec(output)?.[1] ?? '';

describe('a start without a configuration', ({ it, beforeEach, afterEach }) => {
  let folder = temporaryFolder();
  /** What npm started: it may live on without it. */
  let tree: readonly number[] = [];
  const children: ChildProcess[] = [];
  beforeEach(() => {
    folder = temporaryFolder();
    for (const name of ['adapters', 'dist', 'node_modules', 'package.json', 'schemas', 'server'])
      symlinkSync(resolve(name), join(folder.path, name));
  });
  afterEach(() => {
    for (const child of children.splice(0)) signal([child.pid ?? 0, ...descendants(child.pid ?? 0)], 'SIGKILL');
    signal(tree, 'SIGKILL');
    tree = [];
    folder.remove();
  });
  const start = async (env: Record<string, string> = {}) => {
    const started = startMain(folder.path, env);
    children.push(started.child);
    const port = await started.port();
    return { ...started, listening: port };
  };
  const shell = (script: string) => {
    const { stdout, stderr, status } = spawnSync('sh', ['-c', script], {
      cwd: folder.path,
      env: { PATH: process.env.PATH },
      encoding: 'utf8',
    });
    assert.is(status, 0, `${script}\n${stdout}${stderr}`);
    return stdout;
  };

  for (const webs of ['1', '2'])
    it(
      `prints commands that work as they are copied, and a line for each event (web processes: ${webs})`,
      async () => {
        const { output, ended, child, listening } = await start({ WEB_CONCURRENCY: webs });
        await until(() => output().includes('Events get a line here:'));
        const printed = output().split('\n');
        const [from, to] = [printed.findIndex((line) => line.startsWith('Try it')), printed.length];
        const lines = printed.slice(from, to).filter((line) => line.startsWith('  '));
        const [curl, look] = [lines.slice(0, 2).join('\n'), lines.slice(2).filter((line) => !/\btail\b/.test(line))];
        assert.match(shell(curl), /201 Created/);
        await until(() => /accepted +demo\.myshopify\.com +product_view +first-1/.test(output()));
        const settled = () => /"event_id":"first-1"/.test(shell('cat data/archive/*/*.ndjson 2>/dev/null || true'));
        await until(settled);
        const said = shell(look.join('\n'));
        assert.match(said, /"event_id":"first-1"/);
        assert.match(said, /Event first-1 of demo\.myshopify\.com/);
        assert.match(said, /No quarantined events/);
        assert.match(said, /demo\.myshopify\.com +archive +file/);
        // It prints a line for each event, also for one that is refused, and nothing of its shopper.
        const customer = { email: 'ada@example.com' };
        await beacon(listening, [
          layersEvent({ event_id: 'seen-1', customer }),
          layersEvent({ event_id: 'seen-2', event_type: 'nonsense', customer }),
        ]);
        await beacon(listening, [layersEvent({ event_id: 'seen-1', customer })]);
        await until(() => /duplicate +demo\.myshopify\.com +product_view +seen-1/.test(output()));
        await until(() => /refused +demo\.myshopify\.com +nonsense +seen-2/.test(output()));
        assert.match(output(), /accepted +demo\.myshopify\.com +product_view +seen-1/);
        child.kill('SIGTERM');
        assert.is(await ended, 0);
        assert.not.match(output(), /ada@example/);
        assert.not.match(output(), /may get no line/);
      },
      SLOW,
    );

  it(
    'has a token of its own at each start, unless one is set',
    async () => {
      const first = await start();
      const made = await until(() => tokenIn(first.output()));
      first.child.kill('SIGTERM');
      await first.ended;
      const second = await start();
      const other = await until(() => tokenIn(second.output()));
      assert.is.not(other, made);
      const asks = (token: string, port: number) =>
        fetch(`http://127.0.0.1:${port}/admin/pipelines`, { headers: { authorization: `Bearer ${token}` } });
      assert.is((await asks(other, second.listening)).status, 200);
      assert.is((await asks(made, second.listening)).status, 401);
      second.child.kill('SIGTERM');
      await second.ended;
      const own = 'my-own-admin-token-0123456789-abcdef';
      const third = await start({ ADMIN_TOKEN: own });
      await until(() => third.output().includes('Events get a line here:'));
      assert.is((await asks(own, third.listening)).status, 200);
      assert.not.match(third.output(), /ADMIN_TOKEN=[0-9a-z]|my-own/);
    },
    SLOW,
  );

  it('is not what a start with a configuration does', async () => {
    const { output, listening } = await start({ GATEWAY_CONFIG: `shops: [{ shop: ${SHOP}, tokens: [demo-token] }]` });
    await beacon(listening, [layersEvent({ event_id: 'quiet' })]);
    assert.is((await fetch(`http://127.0.0.1:${listening}/admin/pipelines`)).status, 404);
    assert.not.match(output(), /ADMIN_TOKEN|quiet|Try it/);
  });

  for (const env of [{ NODE_ENV: 'production' }, { DYNO: 'web.1' }] as Record<string, string>[])
    it(`is refused in production, with what to set (${Object.keys(env)})`, async () => {
      const { ended, output, child } = startMain(folder.path, env);
      children.push(child);
      assert.is(await ended, 1);
      assert.match(output(), /GATEWAY_CONFIG: must be the path of a YAML file, or the text itself, got nothing/);
      assert.not.match(output(), /ADMIN_TOKEN=/);
    });

  for (const [script, name] of [
    ['dev', 'SIGTERM'],
    ['dev', 'SIGINT'],
    ['start', 'SIGTERM'],
  ] as const)
    it(
      `by npm run ${script} ends with npm, by ${name}, and leaves no process behind`,
      async () => {
        const npm = spawn('npm', ['run', script], {
          cwd: folder.path,
          env: {
            PATH: process.env.PATH,
            HOME: folder.path,
            PORT: '0',
            HOST: '127.0.0.1',
            npm_config_update_notifier: 'false',
          },
        });
        children.push(npm);
        let output = '';
        npm.stdout.on('data', (chunk) => {
          output += String(chunk);
        });
        const port = Number(await until(() => /"port":(\d+)/.exec(output)?.[1], 60_000));
        tree = descendants(npm.pid ?? 0);
        assert.ok(tree.length >= 1, 'npm started nothing');
        assert.is((await beacon(port, [layersEvent()])).status, 201);
        npm.kill(name);
        await until(() => alive(tree).length === 0, 20_000);
        // Its last line may still be on its way.
        await until(() => /"msg":"stopped"/.test(output));
      },
      SLOW,
    );
});
