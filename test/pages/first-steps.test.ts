import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import * as assert from 'uvu/assert';
import { built } from '../support/built.ts';
import { describe } from '../support/describe.ts';
import { temporaryFolder } from '../support/folder.ts';
import { call } from '../support/gateway.ts';
import { pathWithNpx } from '../support/npx.ts';
import { blockOf, blocksOf, plain, runsOf, shape } from '../support/readme.ts';
import { until } from '../support/until.ts';

/** Their examples are about the demo, which one process serves to all of them. */
const PAGES = ['README.md', 'adapters/dialects/MIGRATING.md'];
built();

describe('the first steps', ({ it, before, after }) => {
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
    for (const name of ['adapters', 'dist', 'node_modules', 'package.json', 'schemas', 'server'])
      symlinkSync(resolve(name), join(folder.path, name));
    output = start(['--import', 'tsx', 'server/main.ts'], { PORT: '0' });
    port = await until(() => Number(/"port":(\d+)/.exec(output())?.[1]), 50_000);
  });
  after(() => {
    for (const child of children) child.kill('SIGKILL');
    folder.remove();
  });

  it('do what they say, one after the other', async () => {
    const runs = PAGES.flatMap((page) => runsOf(blocksOf(readFileSync(page, 'utf8')), 'run'));
    assert.ok(runs.length >= 8);
    const commands = join(folder.path, 'commands');
    mkdirSync(commands);
    const PATH = pathWithNpx(commands);
    for (const { script, answer } of runs) {
      // What was sent is in the files once it is delivered.
      await until(settled);
      const here = script.replaceAll('localhost:3000', `localhost:${port}`);
      // As the line that the start printed says.
      const ADMIN_TOKEN = /export ADMIN_TOKEN=(\w+)/.exec(output())?.[1];
      const env = { PATH, PORT: String(port), ADMIN_TOKEN };
      const { stdout, stderr } = spawnSync('sh', ['-c', here], { cwd: folder.path, env, encoding: 'utf8' });
      assert.match(plain(stdout), shape(plain(answer)), `${script}${stderr}`);
    }
  });

  it('find the command by npx, in this folder and nowhere else', () => {
    const env = {
      PATH: process.env.PATH,
      npm_config_cache: join(folder.path, 'npm'),
      npm_config_registry: 'http://127.0.0.1:9/',
    };
    const { stdout, stderr } = spawnSync('npx', ['headless-events', 'check'], {
      cwd: folder.path,
      env,
      encoding: 'utf8',
    });
    assert.match(stdout, /^The configuration is valid/, stderr);
  });

  it('show a stored event as it is', () => {
    const archive = join(folder.path, 'data/archive/demo.myshopify.com');
    const lines = readdirSync(archive).flatMap((file) => readFileSync(join(archive, file), 'utf8').trim().split('\n'));
    const shown = JSON.parse(blockOf(blocksOf(readFileSync('schemas/README.md', 'utf8')), 'event'));
    const stored = lines.map((line) => JSON.parse(line)).find(({ event_id }) => event_id === shown.event_id);
    assert.equal({ ...stored, received_at: '' }, { ...shown, received_at: '' });
    assert.equal(Object.keys(stored), Object.keys(shown));
  });
});
