import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import * as assert from 'uvu/assert';
import { parse } from 'yaml';
import { Settings } from '../schemas/settings.ts';
import { built } from './support/built.ts';
import { describe } from './support/describe.ts';
import { temporaryFolder } from './support/folder.ts';
import { call } from './support/gateway.ts';
import { type Postgres, startPostgres } from './support/postgres.ts';
import { blockOf, blocksOf } from './support/readme.ts';
import { until } from './support/until.ts';

const atRoot = (name: string): string => readFileSync(name, 'utf8');
const page = atRoot('server/process/DEPLOYING.md');
const blocks = blocksOf(page);
const procfile = new Map(
  atRoot('Procfile')
    .trim()
    .split('\n')
    .map((line) => line.split(/: (.*)/s, 2) as [string, string]),
);
built();
const deployed = ['dist', 'node_modules', 'package.json'];
const config = 'shops: [{ shop: demo.myshopify.com, tokens: [demo-token] }]';

/** The environment variables that a configuration wants. */
const namesIn = (config: string): string[] => [...config.matchAll(/\$\{(\w+)\}/g)].map(([, name = '']) => name);

/** Runs a command of a deployment in a folder that holds a build. */
function run(command: string, folder: string, env: Record<string, string> = {}) {
  assert.match(command, /node dist\//);
  return runScript(`exec env ${command.replace(/\S*node dist\//, `${process.execPath} dist/`)}`, folder, env);
}

function runScript(script: string, folder: string, env: Record<string, string> = {}) {
  const child = spawn('sh', ['-c', script], {
    cwd: folder,
    env: { PATH: process.env.PATH, HOST: '127.0.0.1', PORT: '0', GATEWAY_CONFIG: config, ...env },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      output += String(chunk);
    });
  const ended = new Promise<number | null>((end) => child.once('exit', end));
  const port = () => until(() => Number(/"port":(\d+)/.exec(output)?.[1]), 30_000);
  return { child, ended, port, output: () => output };
}

describe('what a deployment runs', ({ it, beforeEach, afterEach }) => {
  let folder = temporaryFolder();
  const children: ChildProcess[] = [];
  const start = (...args: Parameters<typeof run>) => {
    const started = run(...args);
    children.push(started.child);
    return started;
  };
  beforeEach(() => {
    folder = temporaryFolder();
    for (const name of ['dist', 'node_modules', 'package.json']) symlinkSync(resolve(name), join(folder.path, name));
  });
  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
    folder.remove();
  });

  it('Procfile, release: says that a log on a disk needs nothing', async () => {
    const { ended, output } = start(procfile.get('release') ?? '', folder.path);
    assert.is(await ended, 0);
    assert.is(output(), 'log lmdb:data/log: nothing to do before the start\n');
  });

  it('Procfile, release: fails where the database cannot be reached, without its password', async () => {
    const DATABASE_URL = 'postgres://me:hunter2@127.0.0.1:1/events';
    const { ended, output } = start(procfile.get('release') ?? '', folder.path, { DATABASE_URL });
    assert.is(await ended, 1);
    assert.match(output(), /^Cannot release: .*ECONNREFUSED/);
    assert.not.match(output(), /hunter2/);
  });

  it('Procfile, release: fails where the configuration has mistakes', async () => {
    const GATEWAY_CONFIG = `shops: [{ shop: demo.myshopify.com, tokens: ["\${NOT_SET}"] }]`;
    const { ended, output } = start(procfile.get('release') ?? '', folder.path, { GATEWAY_CONFIG });
    assert.is(await ended, 1);
    assert.match(output(), /NOT_SET/);
  });

  it('Procfile, web: takes events and ends with 0', async () => {
    assert.is(`exec ${procfile.get('web')}`, JSON.parse(atRoot('package.json')).scripts.start);
    const { child, port, ended } = start(procfile.get('web') ?? '', folder.path);
    assert.is((await call(await port(), { method: 'GET', path: '/readyz' })).status, 200);
    child.kill('SIGTERM');
    assert.is(await ended, 0);
  });

  it('README.md, the lines of a deployment: end in a gateway that is ready', async () => {
    writeFileSync(join(folder.path, 'gateway.yaml'), config);
    const script = blockOf(blocksOf(atRoot('README.md')), 'deploy')
      .replace('npm ci && npm run build\n', '')
      .replace('PORT=3000', 'PORT=0')
      .replace('/etc/headless-events', folder.path)
      .replace('/var/lib/headless-events', folder.path)
      .replaceAll('node dist/', `${process.execPath} dist/`);
    const { child, port, ended, output } = runScript(script, folder.path);
    children.push(child);
    assert.is((await call(await port(), { method: 'GET', path: '/readyz' })).status, 200, output());
    child.kill('SIGTERM');
    assert.is(await ended, 0);
  });

  it('Procfile, worker: says that it needs PostgreSQL', async () => {
    const { ended, output } = start(procfile.get('worker') ?? '', folder.path);
    assert.is(await ended, 1);
    assert.match(output(), /PROCESS: must be all if LOG_URL is lmdb:…, got worker/);
  });

  it('on a dyno without a database: nothing, and which one to add', async () => {
    const { ended, output } = start(procfile.get('web') ?? '', folder.path, { DYNO: 'web.1' });
    assert.is(await ended, 1);
    assert.match(output(), /heroku addons:create heroku-postgresql:essential-0/);
  });

  it('DEPLOYING.md, the unit of systemd: is valid, and what it says starts', async () => {
    const unit = blockOf(blocks, 'unit').replace('/usr/bin/node', process.execPath);
    const file = join(folder.path, 'headless-events.service');
    writeFileSync(file, unit);
    const verified = spawnSync('systemd-analyze', ['verify', file], { encoding: 'utf8' });
    if (verified.error) console.error('  systemd-analyze is not there: the unit was only run, not verified');
    else assert.is(`${verified.status} ${verified.stderr}`, '0 ');
    const linesOf = (key: string) =>
      [...unit.matchAll(new RegExp(`^${key}=(.*)$`, 'gm'))].map(([, value = '']) => value);
    const given = Object.fromEntries(linesOf('Environment').map((line) => line.split(/=(.*)/s, 2) as [string, string]));
    for (const name of Object.keys(given)) assert.ok(name in Settings.properties, name);
    mkdirSync(join(folder.path, 'state'));
    const LOG_URL = String(given.LOG_URL).replace('/var/lib/headless-events', join(folder.path, 'state'));
    const { child, port, ended } = start(linesOf('ExecStart')[0] ?? '', folder.path, {
      ...given,
      LOG_URL,
      PORT: '0',
      GATEWAY_CONFIG: config,
    });
    assert.is((await call(await port(), { method: 'GET', path: '/readyz' })).status, 200);
    child.kill('SIGTERM');
    assert.is(await ended, 0);
  });
});

describe('what a deployment on PostgreSQL runs', ({ it, before, after, afterEach }) => {
  const folder = temporaryFolder();
  let postgres: Postgres;
  const children: ChildProcess[] = [];
  const start = (...args: Parameters<typeof run>) => {
    const started = run(...args);
    children.push(started.child);
    return started;
  };
  before(async () => {
    for (const name of deployed) symlinkSync(resolve(name), join(folder.path, name));
    postgres = await startPostgres({ settings: { synchronous_commit: 'off' }, inMemory: true });
  });
  after(async () => {
    await postgres.stop();
    folder.remove();
  });
  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
  });

  it('release: says what it did, and that there was nothing to do', async () => {
    const DATABASE_URL = await postgres.createDatabase();
    const command = procfile.get('release') ?? '';
    const first = start(command, folder.path, { DATABASE_URL });
    assert.is(await first.ended, 0);
    assert.match(first.output(), /^log postgres(ql)?:\/\/\S+: migrated: \w+/);
    const second = start(command, folder.path, { DATABASE_URL });
    assert.is(await second.ended, 0);
    assert.match(second.output(), /: up to date$/m);
  });

  it('refuses a database that forgets what it has confirmed, in production', async () => {
    const DATABASE_URL = await postgres.createDatabase();
    const { ended, output } = start(procfile.get('web') ?? '', folder.path, { DATABASE_URL, NODE_ENV: 'production' });
    assert.is(await ended, 1);
    assert.match(
      output(),
      /LOG_URL: must name a log that lasts, got postgres\S*, which here is ephemeral.*synchronous_commit=on/,
    );
  });
});

describe('deployment files and guides', ({ it }) => {
  const asked = namesIn(blockOf(blocks, 'deployed'));

  it('app.json asks for what there is: settings, processes, and secrets of the example', () => {
    const app = JSON.parse(atRoot('app.json'));
    const secrets = namesIn(atRoot('gateway.example.yaml'));
    for (const [name, { description }] of Object.entries<{ description: string }>(app.env)) {
      assert.ok(name in Settings.properties || secrets.includes(name), name);
      assert.ok(description.length > 10, name);
    }
    assert.is(app.env.ADMIN_TOKEN.generator, 'secret');
    for (const name of Object.keys(app.formation)) assert.ok(procfile.has(name), name);
    // The guide creates the same database by hand.
    const [guide] = blocks.filter(({ role }) => role === 'heroku');
    for (const plan of app.addons) assert.match(guide?.text ?? '', `heroku addons:create ${plan} `);
    for (const name of asked) assert.match(guide?.text ?? '', `heroku config:set ${name}=`);
    assert.match(guide?.text ?? '', `LOG_MAX_BYTES=${app.env.LOG_MAX_BYTES.value}\n`);
  });

  it('the shell of the guides is shell, and sets what there is', () => {
    const platforms = blocks.filter(({ role }) => ['heroku', 'dokku', 'systemd'].includes(role));
    assert.ok(platforms.length >= 5);
    for (const { text } of platforms) {
      const checked = spawnSync('sh', ['-n'], { input: text, encoding: 'utf8' });
      assert.is(`${checked.status} ${checked.stderr}`, '0 ', text);
    }
  });

  it("Render's file runs what the Procfile runs, with settings that there are", () => {
    const { databases, services } = parse(blockOf(blocks, 'render'));
    const [web] = services;
    assert.equal(
      asked.filter((name) => !web.envVars.some(({ key }: { key: string }) => key === name)),
      [],
    );
    assert.is(web.startCommand, procfile.get('web'));
    assert.is(web.preDeployCommand, procfile.get('release'));
    for (const { key, fromDatabase } of web.envVars) {
      assert.ok(key in Settings.properties || asked.includes(key), key);
      if (fromDatabase) assert.is(fromDatabase.name, databases[0].name);
    }
    assert.match(page.slice(page.indexOf('### Render')), `startCommand: ${procfile.get('worker')}`);
  });
});
