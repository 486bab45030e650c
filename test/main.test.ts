import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { built } from './support/built.ts';
import { describe } from './support/describe.ts';
import { temporaryFolder } from './support/folder.ts';
import { beacon, layersEvent } from './support/gateway.ts';
import { until } from './support/until.ts';

interface Started {
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;
  output(): string;
  port(): Promise<number>;
}

const main = built();

function start(cwd: string, env: Record<string, string> = {}): Started {
  const child = spawn(process.execPath, [main], {
    cwd,
    env: { PATH: process.env.PATH, PORT: '0', HOST: '127.0.0.1', ...env },
  });
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += String(chunk);
  });
  child.stderr.on('data', (chunk) => {
    output += String(chunk);
  });
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const port = () => until(() => Number(/"port":(\d+)/.exec(output)?.[1]), 15_000);
  return { child, ended, output: () => output, port };
}

const archived = (folder: string): string[] => {
  const archive = join(folder, 'data', 'archive', 'demo.myshopify.com');
  if (!existsSync(archive)) return [];
  const files = readdirSync(archive).filter((file) => file.endsWith('.ndjson'));
  const lines = files.flatMap((file) => readFileSync(join(archive, file), 'utf8').trim().split('\n'));
  return lines.filter(Boolean).map((line) => (JSON.parse(line) as { event_id: string }).event_id);
};

describe('the process', ({ it, beforeEach, afterEach }) => {
  let folder = temporaryFolder();
  const children: ChildProcess[] = [];
  const run = (env?: Record<string, string>): Started => {
    const started = start(folder.path, env);
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

  it('without a configuration runs the demo shop and prints a line that works', async () => {
    const { port, output, child, ended } = run();
    const listening = await port();
    await until(() => output().includes('curl -i'));
    assert.is((await beacon(listening, [layersEvent({ event_id: 'first' })])).status, 201);
    await until(() => archived(folder.path).includes('first'));
    assert.not.match(output(), /demo-token"/);
    child.kill('SIGTERM');
    assert.is(await ended, 0);
  });

  it('keeps what it acknowledged through kill -9', async () => {
    const first = run();
    const port = await first.port();
    const ids: string[] = [];
    const load = (async () => {
      for (let n = 0; ; n++) {
        const id = `kill-${n}`;
        if ((await beacon(port, [layersEvent({ event_id: id })])).status === 201) ids.push(id);
      }
    })().catch(() => {});
    await until(() => ids.length > 50);
    first.child.kill('SIGKILL');
    await load;
    const second = run();
    await second.port();
    await until(() => ids.every((id) => archived(folder.path).includes(id)));
    second.child.kill('SIGTERM');
    assert.is(await second.ended, 0);
  });

  it('on SIGTERM, even twice, answers what is in hand, closes its connections and exits with 0', async () => {
    const { child, port, ended } = run();
    const listening = await port();
    const body = JSON.stringify({ events: [layersEvent()] });
    const answer = new Promise<{ status: number | undefined; connection: string | undefined }>((resolve, reject) => {
      const headers = { 'x-storefront-access-token': 'demo-token', 'content-length': body.length };
      const call = request(
        { port: listening, host: '127.0.0.1', method: 'POST', path: '/beacon', headers },
        (response) => {
          resolve({ status: response.statusCode, connection: response.headers.connection });
          response.resume();
        },
      );
      call.on('error', reject);
      call.write(body.slice(0, 10), () => {
        setTimeout(() => {
          child.kill('SIGTERM');
          child.kill('SIGTERM');
          setTimeout(() => call.end(body.slice(10)), 200);
        }, 200);
      });
    });
    assert.is((await answer).status, 201);
    assert.is(await ended, 0);
  });

  it('refuses a folder that another process uses', async () => {
    await run().port();
    const second = run();
    assert.is(await second.ended, 1);
    assert.match(second.output(), /in use by another process/);
  });

  it('in production refuses to start without a configuration, and says what to set', async () => {
    const { ended, output } = run({ NODE_ENV: 'production' });
    assert.is(await ended, 1);
    assert.match(output(), /GATEWAY_CONFIG/);
  });

  it('refuses a disk that is wiped, unless told otherwise', async () => {
    const config = 'shops:\n  - shop: demo.myshopify.com\n    tokens: [demo-token]\n';
    const { ended, output } = run({ DYNO: 'web.1', GATEWAY_CONFIG: config });
    assert.is(await ended, 1);
    assert.match(output(), /ALLOW_WEAK_DURABILITY/);
    const told = run({ DYNO: 'web.1', GATEWAY_CONFIG: config, ALLOW_WEAK_DURABILITY: '1' });
    await told.port();
    assert.match(told.output(), /"durability":"ephemeral"/);
  });

  it('names every mistake of its settings', async () => {
    const { ended, output } = run({ PORT: 'abc', LOG_LEVEL: 'loud' });
    assert.is(await ended, 1);
    assert.match(output(), /PORT[\s\S]*LOG_LEVEL|LOG_LEVEL[\s\S]*PORT/);
  });
});
