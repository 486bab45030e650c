import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import * as assert from 'uvu/assert';
import { built } from './support/built.ts';
import { describe } from './support/describe.ts';
import { temporaryFolder } from './support/folder.ts';
import { freePort } from './support/ports.ts';
import { sharedPostgres } from './support/postgres-shared.ts';
import { until } from './support/until.ts';

type Line = Readonly<Record<string, unknown>>;

const dist = dirname(built());
const SECRET = 'hunter2-very-secret';
const config = 'shops: [{ shop: demo.myshopify.com, tokens: [demo-token] }]\n';

/** A process in production, whose every line must be a JSON object with level, time and message. */
function start(folder: string, env: Record<string, string> = {}, entry = 'main.js', modules = dist) {
  writeFileSync(join(folder, 'gateway.yaml'), config);
  const child = spawn(process.execPath, [join(modules, entry)], {
    cwd: folder,
    env: { PATH: process.env.PATH, PORT: '0', HOST: '127.0.0.1', NODE_ENV: 'production', ...env },
  });
  const printed = ['', ''];
  for (const [i, stream] of [child.stdout, child.stderr].entries())
    stream.on('data', (chunk) => {
      printed[i] += String(chunk);
    });
  const ended = new Promise<number | null>((end) => child.once('close', end));
  const linesOf = (text = ''): string[] => text.split('\n').slice(0, -1);
  const lines = (): Line[] =>
    printed.flatMap(linesOf).map((line) => {
      assert.match(line, /^\{.*\}$/);
      const { level, time, msg } = JSON.parse(line) as Line;
      assert.match(String(level), /^(debug|info|warn|error|fatal)$/, line);
      assert.match(String(time), /^\d{4}-\d\d-\d\dT[\d:]{8}\.\d{3}Z$/, line);
      assert.ok(typeof msg === 'string' && msg !== '', line);
      return JSON.parse(line);
    });
  const said = (msg: string) => lines().find((line) => line.msg === msg);
  return {
    child,
    lines,
    said,
    /** Its exit code, once everything that it printed has been judged. */
    ended: async () => {
      const code = await ended;
      for (const text of printed) assert.ok(text === '' || text.endsWith('\n'), text);
      lines();
      assert.not.match(printed.join(''), new RegExp(SECRET));
      return code;
    },
    started: () => until(() => said('gateway started') !== undefined, 30_000),
  };
}

/** Code that runs inside the process, before it. */
function inside(folder: string, code: string): Record<string, string> {
  const path = join(folder, 'inside.mjs');
  writeFileSync(path, code);
  return { NODE_OPTIONS: `--import ${pathToFileURL(path).href}` };
}

/** One process, from its start to its end. */
describe('in production every line of a process is JSON', ({ it, before, after }) => {
  const folder = temporaryFolder();
  let gateway: ReturnType<typeof start>;
  before(async () => {
    const code = `import { EventEmitter } from 'node:events';
      import { deprecate } from 'node:util';
      process.once('SIGUSR2', () => {
        process.emitWarning('the URL postgres://me:${SECRET}@db/x is old', 'DeprecationWarning', 'DEP9999');
        deprecate(() => {}, 'this is old too', 'DEP9998')();
        const emitter = new EventEmitter();
        for (let n = 0; n < 12; n++) emitter.on('x', () => {});
        console.log('a line of %s\\nand another', 'a library', { a: 1 });
        console.error(new Error('printed by a library'));
        console.warn('a warning'); console.info('a note'); console.debug('a detail'); console.trace('from here');
      });`;
    const SOURCE_VERSION = '0123456789abcdef0123456789abcdef01234567';
    gateway = start(folder.path, { ...inside(folder.path, code), SOURCE_VERSION });
    await gateway.started();
  });
  after(() => {
    gateway.child.kill('SIGKILL');
    folder.remove();
  });

  it('of its start, which says what runs', async () => {
    const { version, node, commit } = gateway.said('gateway started') ?? {};
    assert.match(String(version), /^\d+\.\d+\.\d+/);
    assert.equal([node, commit], [process.version, '0123456789abcdef0123456789abcdef01234567']);
    await until(() => gateway.lines().some(({ msg }) => String(msg).startsWith('shop demo.myshopify.com')));
  });

  it('of a reload with mistakes', async () => {
    writeFileSync(join(folder.path, 'gateway.yaml'), `shops: [{ shop: 7, tokens: [${SECRET}], wrong: 1 }]\n`);
    gateway.child.kill('SIGHUP');
    await until(() => gateway.lines().some(({ mistakes }) => Array.isArray(mistakes) && mistakes.length === 2), 10_000);
  });

  it('of what Node warns of, and libraries print', async () => {
    gateway.child.kill('SIGUSR2');
    const warnings = () => gateway.lines().filter(({ msg }) => msg === 'a warning of Node');
    // The lines come in pieces.
    await until(() => gateway.said('a note') !== undefined && warnings().length >= 3, 10_000).catch(() => {});
    assert.equal(
      warnings().map(({ kind, code }) => [kind, code]),
      [
        ['DeprecationWarning', 'DEP9999'],
        ['DeprecationWarning', 'DEP9998'],
        ['MaxListenersExceededWarning', undefined],
      ],
    );
    assert.ok(gateway.said('a line of a library\nand another { a: 1 }'));
  });

  it('of its stop', async () => {
    gateway.child.kill('SIGTERM');
    assert.is(await gateway.ended(), 0);
    assert.ok(gateway.said('stopped'));
  });
});

describe('in production every line is JSON', ({ it, beforeEach, afterEach }) => {
  let folder = temporaryFolder();
  const children: ChildProcess[] = [];
  const run = (...args: [env?: Record<string, string>, entry?: string, modules?: string]) => {
    const started = start(folder.path, ...args);
    children.push(started.child);
    return started;
  };
  beforeEach(() => {
    folder = temporaryFolder();
  });
  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
    folder.remove();
  });

  it('of several web processes, also of one that ends', async () => {
    const gateway = run({ WEB_CONCURRENCY: '2' });
    const webs = () => gateway.lines().filter(({ msg }) => msg === 'a web process takes events');
    await until(() => webs().length === 2, 30_000);
    await gateway.started();
    const page = await fetch(`http://127.0.0.1:${gateway.said('gateway started')?.port}/metrics`);
    assert.match(await page.text(), /^gateway_build_info\{version="[\d.]+",node="v[\d.]+"\} 1$/m);
    process.kill(Number(webs()[0]?.pid), 'SIGKILL');
    await until(() => webs().length === 3, 30_000);
    gateway.child.kill('SIGTERM');
    assert.is(await gateway.ended(), 0);
  });

  for (const [what, env, says] of [
    ['two settings that are wrong', { PORT: 'abc', LOG_LEVEL: 'loud' }, /^PORT: must be .*\nLOG_LEVEL: must be /],
    [
      'a configuration with mistakes',
      { GATEWAY_CONFIG: `shops: [{ shop: x.myshopify.com, tokens: ["a ${SECRET}"] }]` },
      /tokens\[0\]/,
    ],
    ['a configuration that is missing', { GATEWAY_CONFIG: 'none.yaml' }, /^GATEWAY_CONFIG: must be .*ENOENT/],
    ['a log that would be wiped, on Heroku', { NODE_ENV: '', DYNO: 'web.1' }, /LOG_URL|PostgreSQL/],
    [
      'a database that is not there',
      { PROCESS: 'worker', LOG_URL: `postgres://me:${SECRET}@127.0.0.1:1/x` },
      /ECONNREFUSED/,
    ],
  ] as const) {
    it(`of a start and of a release that fail: ${what}`, async () => {
      const started = [
        [run({ LOG_LEVEL: 'silent', ...env }, 'main.js'), 'cannot start'],
        [run({ LOG_LEVEL: 'silent', ...env }, 'release.js'), 'cannot release'],
      ] as const;
      for (const [gateway, msg] of started) {
        assert.is(await gateway.ended(), 1);
        const { level, mistakes = [], reason } = gateway.said(msg) ?? {};
        assert.is(level, 'fatal');
        assert.match([...(mistakes as string[]), reason].filter(Boolean).join('\n'), says);
      }
    });
  }

  it('of a port that is taken', async () => {
    const server = createServer();
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    const gateway = run({ PORT: String((server.address() as AddressInfo).port) });
    assert.is(await gateway.ended(), 1);
    assert.match(String(gateway.said('cannot start')?.mistakes), /^PORT: must be free/);
    server.close();
  });

  it('of a release that has nothing to do', async () => {
    const release = run({}, 'release.js');
    assert.is(await release.ended(), 0);
    assert.ok(release.lines().length > 0);
  });

  for (const [what, thrown] of [
    ['an error', `throw new Error('${SECRET}')`],
    ['a promise', `void Promise.reject(new Error('${SECRET}'))`],
  ] as const) {
    it(`of ${what} that nobody caught`, async () => {
      const gateway = run(inside(folder.path, `process.once('SIGUSR2', () => { ${thrown}; });`));
      await gateway.started();
      gateway.child.kill('SIGUSR2');
      assert.is(await gateway.ended(), 1);
      assert.ok(gateway.said('something failed that must not; stopping'));
    });
  }

  it('of an error while it is loaded', async () => {
    const broken = join(folder.path, 'broken');
    mkdirSync(join(broken, 'node_modules', 'ipaddr.js'), { recursive: true });
    for (const name of ['dist', 'package.json']) symlinkSync(resolve(name), join(broken, name));
    for (const name of readdirSync('node_modules'))
      if (name !== 'ipaddr.js') symlinkSync(resolve('node_modules', name), join(broken, 'node_modules', name));
    writeFileSync(join(broken, 'node_modules/ipaddr.js/package.json'), '{"type":"module","exports":"./index.js"}');
    const text = `export default 0; throw new Error('${SECRET}');`;
    writeFileSync(join(broken, 'node_modules/ipaddr.js/index.js'), text);
    for (const [entry, msg] of [
      ['main.js', 'cannot start'],
      ['release.js', 'cannot release'],
    ] as const) {
      const links = { NODE_OPTIONS: '--preserve-symlinks --preserve-symlinks-main' };
      const gateway = run(links, entry, join(broken, 'dist/server'));
      assert.is(await gateway.ended(), 1);
      assert.match(String(gateway.said(msg)?.reason), /^Error at .*ipaddr\.js/);
    }
  });
});

describe('in production every line of a worker is JSON', ({ it }) => {
  it('beside the release that made its database', async () => {
    const folder = temporaryFolder();
    // The database of the tests forgets what it has confirmed, when its machine loses power.
    const weak = { ALLOW_WEAK_DURABILITY: '1' };
    const DATABASE_URL = await (await sharedPostgres()).createDatabase();
    const env = { DATABASE_URL, PROCESS: 'worker', PORT: '', ...weak };
    assert.is(await start(folder.path, env, 'release.js').ended(), 0);
    const worker = start(folder.path, env);
    await worker.started();
    worker.child.kill('SIGTERM');
    assert.is(await worker.ended(), 0);
    folder.remove();
  });
});

describe('a process whose output nobody reads any more', ({ it, beforeEach, afterEach }) => {
  let folder = temporaryFolder();
  let child: ChildProcess | undefined;
  beforeEach(() => {
    folder = temporaryFolder();
  });
  afterEach(() => {
    child?.kill('SIGKILL');
    folder.remove();
  });
  /** Its output is a pipe, as of `node … | less`, whose reader is gone. */
  const start = (command: string, env: Record<string, string> = {}) => {
    const script = `exec ${process.execPath} ${command} > >(true)`;
    child = spawn('bash', ['-c', script], {
      cwd: folder.path,
      env: { PATH: process.env.PATH, ...env },
      stdio: 'ignore',
    });
    return new Promise<number | null>((end) => child?.once('exit', end));
  };

  for (const NODE_ENV of ['production', 'development'])
    it(`goes on, and ends when it is told to: ${NODE_ENV}`, async () => {
      const PORT = String(await freePort());
      if (NODE_ENV === 'production') writeFileSync(join(folder.path, 'gateway.yaml'), config);
      const ended = start(join(dist, 'main.js'), { PORT, HOST: '127.0.0.1', NODE_ENV, LOG_URL: 'lmdb:data' });
      const isReady = () =>
        fetch(`http://127.0.0.1:${PORT}/readyz`).then(
          ({ ok }) => ok,
          () => false,
        );
      await until(isReady, 30_000);
      await new Promise((resolve) => setTimeout(resolve, 500));
      assert.ok(await isReady(), 'it goes on');
      child?.kill('SIGTERM');
      assert.is(await ended, 0);
    });

  it('says its last word to nobody, and ends', async () => {
    const path = join(folder.path, 'last.mjs');
    const logger = JSON.stringify(pathToFileURL(join(dist, 'base/logger.js')).href);
    const last = "setTimeout(() => { logger.info('one'); logger.fatal('two'); process.exit(7); }, 500);";
    writeFileSync(path, `import { createLogger } from ${logger};\nconst logger = createLogger('info');\n${last}`);
    assert.is(await start(path), 7);
  });
});
