import { writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import * as assert from 'uvu/assert';
import { LogUnusable } from '../../../adapters/logs/log.ts';
import { ConfigError } from '../../../server/base/errors.ts';
import { cannotStart, GatewayFailure, whatFailed } from '../../../server/config/start-errors.ts';
import { describe } from '../../support/describe.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { gatewayWith, SHOP } from '../../support/gateway.ts';
import { startMain } from '../../support/main.ts';

const SECRET = 'hunter2-very-secret';

interface Kind {
  readonly what: string;
  readonly env: Record<string, string>;
  /** Prepares the folder that it starts in. */
  readonly prepare?: (folder: string) => void;
  /** Started in the process of the test: how a process tells its errors, the others show. */
  readonly here?: true;
  readonly says: RegExp;
}

/** Has the start of the process fail where a system would: `listen` on an address or a path that matches gets this code. */
const failing = (folder: string, code: string, address: string): string => {
  const path = join(folder, 'failing.mjs');
  writeFileSync(
    path,
    `import { Server } from 'node:net';
const listen = Server.prototype.listen;
Server.prototype.listen = function (...args) {
  if (!args.some((one) => typeof one === 'string' && one.endsWith(${JSON.stringify(address)}))) return listen.apply(this, args);
  setImmediate(() => this.emit('error', Object.assign(new Error('listen'), { code: ${JSON.stringify(code)}, syscall: 'listen' })));
  return this;
};`,
  );
  return `--import ${pathToFileURL(path).href}`;
};

const kinds: readonly Kind[] = [
  {
    what: 'a HOST of another machine',
    env: { HOST: '192.0.2.1' },
    says: /^Cannot start: HOST: must be an address of this machine, got "192\.0\.2\.1"; /,
  },
  {
    what: 'a HOST that is no address',
    here: true,
    env: { HOST: 'no.such.host.invalid' },
    says: /^Cannot start: HOST: must be an address of this machine, got /,
  },
  {
    what: 'a log in a file',
    env: { LOG_URL: 'lmdb:taken' },
    prepare: (folder) => writeFileSync(join(folder, 'taken'), ''),
    says: /^Cannot start: LOG_URL: must name a folder, got "lmdb:taken", .*; name another/,
  },
  {
    what: 'a log below a file',
    here: true,
    env: { LOG_URL: 'lmdb:taken/log' },
    prepare: (folder) => writeFileSync(join(folder, 'taken'), ''),
    says: /^Cannot start: LOG_URL: must name a folder, got "lmdb:taken\/log"/,
  },
  {
    what: 'a log where nothing can be made',
    here: true,
    env: { LOG_URL: 'lmdb:/proc/log' },
    says: /^Cannot start: LOG_URL: must name a folder that .*; /,
  },
  {
    what: 'a configuration that is a folder',
    env: { GATEWAY_CONFIG: '.' },
    says: /^Cannot start: GATEWAY_CONFIG: must be the path of a readable file, or the text itself, got \. \(EISDIR\)/,
  },
  {
    what: 'a configuration that is neither path nor text',
    env: { GATEWAY_CONFIG: `tokens: [${SECRET}]` },
    says: /^Cannot start: GATEWAY_CONFIG: must be .*, got \d+ characters that are neither/,
  },
  {
    what: 'a GEOIP_DB that is none',
    env: { GEOIP_DB: 'text.mmdb' },
    prepare: (folder) => writeFileSync(join(folder, 'text.mmdb'), SECRET),
    says: /^Cannot start: GEOIP_DB: must be the path of a city or country database .*; give the path of one, or unset GEOIP_DB/,
  },
  {
    what: 'a GEOIP_DB that is missing',
    here: true,
    env: { GEOIP_DB: 'none.mmdb' },
    says: /^Cannot start: GEOIP_DB: must be the path of .* got "none\.mmdb", ENOENT; /,
  },
  {
    what: 'a LOG_URL with a slip',
    here: true,
    env: { LOG_URL: `postgress://gateway:${SECRET}@db/x` },
    says: /^Cannot start: LOG_URL: must be lmdb:<folder>, memory: or postgres:\/\/…, got /,
  },
  {
    what: 'a LOG_URL without slashes',
    here: true,
    env: { LOG_URL: `postgres:gateway:${SECRET}@db/x` },
    says: /^Cannot start: LOG_URL: must be lmdb:<folder>, memory: or postgres:\/\/…, got /,
  },
  {
    what: 'a LOG_URL with a space in its password',
    here: true,
    env: { LOG_URL: `postgress://gateway:${SECRET} x@db/x` },
    says: /^Cannot start: LOG_URL: must be /,
  },
  {
    what: 'a database that is not there',
    here: true,
    env: { LOG_URL: `postgres://gateway:${SECRET}@127.0.0.1:1/x` },
    says: /^Cannot start: LOG_URL: must .*ECONNREFUSED/,
  },
  {
    what: 'two mistakes',
    env: { PORT: 'abc', LOG_LEVEL: 'loud' },
    says: /^Cannot start:\n {2}- PORT: must be .*\n {2}- LOG_LEVEL: must be /,
  },
];

const onlySentences = (output: string): void => {
  assert.not.match(output, /^ {4}at |node:internal|\[cause\]/m);
  assert.not.match(output, new RegExp(SECRET));
};

async function saidByProcess(folder: string, env: Record<string, string>): Promise<string> {
  const started = startMain(folder, { LOG_LEVEL: 'silent', ...env });
  assert.is(await started.ended, 1);
  return started.output();
}

async function saidHere(folder: string, env: Record<string, string>): Promise<string> {
  const before = process.cwd();
  process.chdir(folder);
  try {
    const gateway = await gatewayWith(`shops: [{ shop: ${SHOP}, tokens: [demo-token] }]`, env);
    await gateway.stop();
    return 'it started';
  } catch (error) {
    return cannotStart(error);
  } finally {
    process.chdir(before);
  }
}

describe('a start that fails', ({ it }) => {
  for (const { what, env, prepare, here, says } of kinds) {
    it(`says in one sentence what to do: ${what}`, async () => {
      const folder = temporaryFolder();
      prepare?.(folder.path);
      const output = here ? await saidHere(folder.path, env) : await saidByProcess(folder.path, env);
      assert.match(output, says);
      onlySentences(output);
      folder.remove();
    });
  }

  it('says so of a port that is taken', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const folder = temporaryFolder();
    const started = startMain(folder.path, { PORT: String(port) });
    assert.is(await started.ended, 1);
    assert.match(
      started.output(),
      /^Cannot start: PORT: must be free, got \d+, which another process listens on; stop that one/m,
    );
    onlySentences(started.output());
    server.close();
    folder.remove();
  });

  for (const [code, address, says] of [
    ['EACCES', '127.0.0.1', /^Cannot start: PORT: must be one that this user may listen on, got 0; set one from 1024/m],
    [
      'EOPNOTSUPP',
      'owner.sock',
      /^Cannot start: LOG_URL: must name a folder on a disk of this machine, .* knows no sockets; name one/m,
    ],
    ['EXYZ', '127.0.0.1', /^Cannot start: unexpected error \(Error EXYZ listen.*\); /m],
  ] as const) {
    it(`says so where the system answers ${code}`, async () => {
      const folder = temporaryFolder();
      const started = startMain(folder.path, { NODE_OPTIONS: failing(folder.path, code, address) });
      assert.is(await started.ended, 1);
      assert.match(started.output(), says);
      onlySentences(started.output());
      folder.remove();
    });
  }

  it('says so of a folder whose path is too long for a socket', async () => {
    const folder = temporaryFolder();
    const started = startMain(folder.path, { LOG_URL: `lmdb:${'long/'.repeat(40)}` });
    assert.is(await started.ended, 1);
    assert.match(started.output(), /^Cannot start: LOG_URL: must name a folder with a shorter path, got /m);
    onlySentences(started.output());
    folder.remove();
  });

  it('without IPv6 is none: every IPv4 address is listened on, and it says so', async () => {
    const folder = temporaryFolder();
    const started = startMain(folder.path, { HOST: '', NODE_OPTIONS: failing(folder.path, 'EAFNOSUPPORT', '::') });
    const port = await started.port();
    assert.is((await fetch(`http://127.0.0.1:${port}/healthz`)).status, 200);
    assert.match(started.output(), /"host":"0\.0\.0\.0".*no IPv6/);
    started.child.kill('SIGTERM');
    assert.is(await started.ended, 0);
    folder.remove();
  });
});

describe('an unexpected error', ({ it }) => {
  it('is told by its class, code and place, and never by its message', () => {
    const error = (() => {
      try {
        return new URL(`postgres://a:${SECRET}@ /`);
      } catch (reason) {
        return reason;
      }
    })();
    assert.match(whatFailed(error), /^TypeError ERR_INVALID_URL at .*test\/server\/config\/start-errors\.test\.ts/);
    assert.not.match(cannotStart(error), new RegExp(SECRET));
    assert.is(whatFailed(SECRET), 'a string was thrown');
  });

  it('is told by its message where that is for operators', () => {
    for (const error of [new ConfigError(['a']), new LogUnusable('a'), new GatewayFailure('a')])
      assert.is(cannotStart(error), 'Cannot start: a');
  });
});
