import { writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { type AddressInfo, createServer as createTcp } from 'node:net';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import type { PipelineReport } from '../../../schemas/admin-api/pipelines.ts';
import type { Receipt } from '../../../schemas/admin-api/receipts.ts';
import type { TailLine } from '../../../schemas/admin-api/tail.ts';
import { restartAfter } from '../../../server/process/web-processes.ts';
import { describe, type Suite } from '../../support/describe.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { beacon, call, layersEvent, type Reply, SHOP } from '../../support/gateway.ts';
import { logKinds } from '../../support/logs.ts';
import { type Started, startMain } from '../../support/main.ts';
import { alive } from '../../support/processes.ts';
import { openSink, type Sink } from '../../support/sink.ts';
import { until } from '../../support/until.ts';

const ADMIN_TOKEN = 'a'.repeat(32);
const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

const configOf = (url: string, tokens = '[demo-token]') => `
shops:
  - shop: ${SHOP}
    tokens: ${tokens}
    pipelines:
      - id: hook
        destination: { type: webhook, url: "${url}", secret: "${SECRET}", allowPrivateNetworks: true }
`;

const admin = (port: number, path: string, order?: object): Promise<Reply> =>
  call(port, {
    method: order ? 'POST' : 'GET',
    path: `/admin${path}`,
    headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' },
    ...(order && { body: JSON.stringify(order) }),
  });

/** Each test starts several processes, and some again. */
const patient =
  (it: Suite['it']): Suite['it'] =>
  (promise, test) =>
    it(promise, test, { timeoutMs: 90_000 });

/** Which web processes have answered event requests, by the debug lines. */
const answering = ({ lines }: Started): Set<unknown> =>
  new Set(lines().flatMap(({ msg, web }) => (msg === 'request answered' ? [web] : [])));

for (const log of logKinds()) {
  describe(`two web processes, on ${log.name}`, ({ it: quick, before, after, beforeEach, afterEach }) => {
    const it = patient(quick);
    before(log.start);
    after(log.stop);
    let folder = temporaryFolder();
    let sink: Sink;
    let url = '';
    const all: Started[] = [];
    const run = (env: Record<string, string> = {}): Started => {
      const started = startMain(folder.path, {
        LOG_URL: url,
        GATEWAY_CONFIG: 'gateway.yaml',
        WEB_CONCURRENCY: '2',
        LOG_LEVEL: 'debug',
        ADMIN_TOKEN,
        ...env,
      });
      all.push(started);
      return started;
    };
    const delivered = () => sink.events().map(({ event_id }) => event_id);
    beforeEach(async () => {
      folder = temporaryFolder();
      url = await log.fresh();
      sink = await openSink();
      writeFileSync(join(folder.path, 'gateway.yaml'), configOf(sink.url));
    });
    afterEach(async () => {
      for (const started of all.splice(0)) started.signalAll('SIGKILL');
      await sink.close();
      folder.remove();
    });

    it('share a port, and what they take is delivered once', async () => {
      const gateway = run();
      const port = await gateway.port();
      const ids = Array.from({ length: 40 }, (_, n) => `shared-${n}`);
      await Promise.all(ids.map((event_id) => beacon(port, [layersEvent({ event_id })])));
      await until(() => answering(gateway).size === 2);
      await until(() => delivered().length >= ids.length);
      // What one of them took, the other knows.
      const again = await Promise.all(ids.map((event_id) => beacon(port, [layersEvent({ event_id })])));
      assert.ok(again.every(({ headers }) => headers['x-events-duplicate'] === '1'));
      await until(async () => JSON.parse((await call(port, { method: 'GET', path: '/readyz' })).body).balanced);
      assert.equal(delivered().sort(), ids.sort());
    });

    it('lose nothing that was acknowledged when one is killed, and it comes back', async () => {
      const gateway = run();
      const port = await gateway.port();
      const acknowledged: string[] = [];
      let running = true;
      let sent = 0;
      const client = async () => {
        while (running) {
          const event_id = `kill-${++sent}`;
          const reply = await beacon(port, [layersEvent({ event_id })]).catch(() => undefined);
          if (reply?.status === 201) acknowledged.push(event_id);
        }
      };
      const clients = Array.from({ length: 8 }, client);
      await until(() => acknowledged.length > 100);
      const [first = 0] = gateway.webs();
      process.kill(first, 'SIGKILL');
      await until(() => gateway.webs().length === 3, 30_000);
      const before = acknowledged.length;
      await until(() => acknowledged.length > before + 100);
      running = false;
      await Promise.all(clients);
      await until(() => {
        const came = new Set(delivered());
        return acknowledged.every((id) => came.has(id));
      }, 30_000);
      assert.equal(
        gateway
          .lines()
          .filter(({ msg }) => msg === 'a web process ended')
          .map(({ signal }) => signal),
        ['SIGKILL'],
      );
      gateway.signalAll('SIGTERM');
      assert.is(await gateway.ended, 0);
    });

    for (const whom of ['the owner', 'all of them'])
      it(`end with 0 on SIGTERM to ${whom}, twice, with what is in hand answered`, async () => {
        const gateway = run();
        const port = await gateway.port();
        const slow = slowRequest(port);
        await slow.begun;
        for (let twice = 0; twice < 2; twice++)
          if (whom === 'the owner') gateway.child.kill('SIGTERM');
          else gateway.signalAll('SIGTERM');
        await until(() => gateway.lines().filter(({ msg, web }) => msg === 'stopping' && web).length === 2);
        slow.finish();
        assert.is(await slow.status, 201);
        assert.is(await gateway.ended, 0);
        assert.equal(alive(gateway.webs()), []);
        assert.is(
          gateway.lines().some(({ msg }) => msg === 'a web process ended'),
          false,
        );
      });
  });
}

describe('the owner of the log and its web processes', ({ it: quick, beforeEach, afterEach }) => {
  const it = patient(quick);
  let folder = temporaryFolder();
  let sink: Sink;
  const all: Started[] = [];
  const run = (env: Record<string, string> = {}): Started => {
    const started = startMain(folder.path, {
      GATEWAY_CONFIG: 'gateway.yaml',
      WEB_CONCURRENCY: '2',
      LOG_LEVEL: 'debug',
      ADMIN_TOKEN,
      ...env,
    });
    all.push(started);
    return started;
  };
  beforeEach(async () => {
    folder = temporaryFolder();
    sink = await openSink();
    writeFileSync(join(folder.path, 'gateway.yaml'), configOf(sink.url));
  });
  afterEach(async () => {
    for (const started of all.splice(0)) started.signalAll('SIGKILL');
    await sink.close();
    folder.remove();
  });

  it('say what they are, once', async () => {
    const gateway = run();
    await gateway.port();
    assert.match(gateway.output(), /process all: moves pipelines; 2 web processes take events; log lmdb:data\/log/);
    assert.is(gateway.lines().filter(({ msg }) => msg === 'gateway started').length, 1);
    assert.is(gateway.webs().length, 2);
  });

  it('all take a new configuration, on SIGHUP to all and when the file changes', async () => {
    const gateway = run();
    const port = await gateway.port();
    const everywhere = async (token: string, status: number) => {
      const replies = await Promise.all(
        Array.from({ length: 8 }, () =>
          beacon(port, [layersEvent()], { headers: { 'x-storefront-access-token': token } }),
        ),
      );
      return replies.every((reply) => reply.status === status);
    };
    assert.ok(await everywhere('second', 401));
    writeFileSync(join(folder.path, 'gateway.yaml'), configOf(sink.url, '[demo-token, second]'));
    gateway.signalAll('SIGHUP');
    await until(() => everywhere('second', 201));
    writeFileSync(join(folder.path, 'gateway.yaml'), configOf(sink.url, '[demo-token, third]'));
    await until(() => everywhere('third', 201));
    assert.ok(await everywhere('second', 401));
    // One that starts later has it too.
    process.kill(gateway.webs()[0]!, 'SIGKILL');
    await until(() => gateway.webs().length === 3, 30_000);
    assert.ok(await everywhere('third', 201));
    // A mistake changes nothing anywhere.
    writeFileSync(join(folder.path, 'gateway.yaml'), 'shops: []');
    gateway.signalAll('SIGHUP');
    await until(() => gateway.output().includes('the new configuration is refused'));
    assert.ok(await everywhere('third', 201));
  });

  it('take orders and answer questions at any of them', async () => {
    const gateway = run();
    const port = await gateway.port();
    await beacon(port, [layersEvent({ event_id: 'asked' })]);
    const standings = async () =>
      Promise.all(
        Array.from({ length: 4 }, async () => {
          const { pipelines } = JSON.parse((await admin(port, '/pipelines')).body) as { pipelines: PipelineReport[] };
          return pipelines.map(({ state, delivered }) => `${state} ${delivered}`).join();
        }),
      );
    await until(async () => (await standings()).every((one) => one === 'idle 1'));
    assert.is((await admin(port, `/pipelines/${SHOP}/hook/suspend`, { reason: 'by hand' })).status, 200);
    assert.equal(new Set(await standings()), new Set(['suspended 1']));
    await beacon(port, [layersEvent({ event_id: 'later' })]);
    assert.is((await admin(port, `/pipelines/${SHOP}/hook/resume`, {})).status, 200);
    await until(() => sink.events().length === 2);
    const [receipt] = (JSON.parse((await admin(port, '/receipts/asked')).body) as { receipts: Receipt[] }).receipts;
    assert.is(receipt?.pipelines?.[0]?.state, 'delivered');
    const order = { shop: SHOP, pipeline: 'hook' };
    assert.is((await admin(port, '/replays', order)).status, 200);
    await until(() => sink.events().length === 4);
  });

  it('show the events of all and the deliveries of the owner to whoever follows the tail at one', async () => {
    const gateway = run();
    const port = await gateway.port();
    const lines: TailLine[] = [];
    const ending = new AbortController();
    const followed = fetch(`http://127.0.0.1:${port}/admin/tail`, {
      headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
      signal: ending.signal,
    }).then(async ({ body }) => {
      for await (const chunk of body ?? [])
        for (const [, data = ''] of Buffer.from(chunk)
          .toString()
          .matchAll(/^data: (.*)$/gm))
          lines.push(JSON.parse(data));
    });
    // It ends with an error when its process does; whoever waits for lines sees that they are missing.
    followed.catch(() => {});
    // The others come to know of the reader a moment after it was let in.
    await until(async () => {
      await beacon(port, [layersEvent()]);
      return lines.length > 0;
    });
    const ids = Array.from({ length: 20 }, (_, n) => `seen-${n}`);
    await Promise.all(ids.map((event_id) => beacon(port, [layersEvent({ event_id })])));
    await beacon(port, [{ event_type: 'nothing', event_id: 'refused' }]);
    const accepted = () => lines.flatMap((line) => (line.kind === 'accepted' ? [line.event.event_id] : []));
    const told = (kind: string) =>
      lines.flatMap((line) => (line.kind === kind && 'event_id' in line ? [line.event_id] : []));
    await until(() => ids.every((id) => accepted().includes(id) && told('delivered').includes(id)));
    await until(() => told('refused').includes('refused'));
    await beacon(port, [], { headers: { 'x-storefront-access-token': 'unknown' } });
    await until(() => lines.some((line) => line.kind === 'refused' && line.code === 'token_unknown'));
    assert.is(answering(gateway).size, 2);
    ending.abort();
    await followed.catch(() => {});
  });

  it('count together, and go on counting from there when one is killed', async () => {
    const gateway = run();
    const port = await gateway.port();
    await Promise.all(Array.from({ length: 20 }, () => beacon(port, [layersEvent()])));
    await until(() => answering(gateway).size === 2);
    const count = async (name: string) => {
      const { body } = await call(port, { method: 'GET', path: '/metrics' });
      return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(body)?.[1]);
    };
    const requests = 'gateway_requests_total{dialect="layers",status="201"}';
    assert.is(await count(requests), 20);
    assert.is(await count('gateway_request_seconds_count'), 20);
    assert.is(await count(`gateway_events_total{shop="${SHOP}",outcome="appended",reason=""}`), 20);
    process.kill(gateway.webs()[0]!, 'SIGKILL');
    await until(() => gateway.webs().length === 3, 30_000);
    assert.is(await count(requests), 20);
    await beacon(port, [layersEvent()]);
    // A page of metrics is kept for a second.
    await until(async () => (await count(requests)) === 21);
  });

  it('leave together: no web process outlives the owner', async () => {
    const gateway = run();
    await gateway.port();
    const webs = gateway.webs();
    assert.is(alive(webs).length, 2);
    gateway.child.kill('SIGKILL');
    await until(() => alive(webs).length === 0);
  });

  it('give up, loudly, when web processes end over and over again', async () => {
    const gateway = run();
    await gateway.port();
    const killed = new Set<number>();
    const killing = setInterval(() => {
      const newest = gateway.webs().at(-1) ?? 0;
      if (killed.has(newest)) return;
      killed.add(newest);
      process.kill(newest, 'SIGKILL');
    }, 50);
    try {
      assert.is(await gateway.ended, 1);
    } finally {
      clearInterval(killing);
    }
    assert.is(killed.size, 5);
    assert.match(gateway.output(), /ended 5 times in a row/);
  });

  it('say once that the port is taken', async () => {
    const other = createTcp();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;
    const gateway = run({ PORT: String(port) });
    assert.is(await gateway.ended, 1);
    assert.is(gateway.output().match(/PORT must be free, got \d+/g)?.length, 1);
    other.close();
  });

  it('are refused where the log lives in one process', async () => {
    const gateway = run({ PROCESS: 'worker', WEB_CONCURRENCY: '' });
    assert.is(await gateway.ended, 1);
    assert.match(gateway.output(), /PROCESS must be all where LOG_URL is lmdb:….*WEB_CONCURRENCY/);
  });
});

describe('a process that is replaced', ({ it }) => {
  it('is waited for longer each time, and not for ever', () => {
    assert.equal([1, 2, 3, 4, 5, 6].map(restartAfter), [0, 1000, 2000, 4000, undefined, undefined]);
  });
});

describe('web and worker apart, on PostgreSQL', ({ it: quick, before, after, beforeEach, afterEach }) => {
  const it = patient(quick);
  const [, postgres] = logKinds();
  before(() => postgres?.start());
  after(() => postgres?.stop());
  let folder = temporaryFolder();
  let sink: Sink;
  let url = '';
  const all: Started[] = [];
  const run = (env: Record<string, string>): Started => {
    const started = startMain(folder.path, { LOG_URL: url, GATEWAY_CONFIG: 'gateway.yaml', ...env });
    all.push(started);
    return started;
  };
  beforeEach(async () => {
    folder = temporaryFolder();
    url = (await postgres?.fresh()) ?? '';
    sink = await openSink();
    writeFileSync(join(folder.path, 'gateway.yaml'), configOf(sink.url));
  });
  afterEach(async () => {
    for (const started of all.splice(0)) started.signalAll('SIGKILL');
    await sink.close();
    folder.remove();
  });

  it('a web process only takes events, and a worker, without a port, delivers them', async () => {
    const web = run({ PROCESS: 'web', WEB_CONCURRENCY: '2' });
    const port = await web.port();
    await beacon(port, [layersEvent({ event_id: 'apart' })]);
    const state = async () =>
      JSON.parse((await call(port, { method: 'GET', path: '/readyz' })).body).pipelines[0].state as string;
    assert.is(await state(), 'unmoved');
    const worker = run({ PROCESS: 'worker', PORT: '', WEB_CONCURRENCY: '2' });
    await until(() => sink.events().some(({ event_id }) => event_id === 'apart'));
    assert.is(await worker.port(), 0);
    assert.is(worker.webs().length, 0);
    assert.match(worker.output(), /process worker: moves pipelines; others take events; log postgres/);
    assert.not.match(worker.output(), /"port"/);
    await until(async () => (await state()) === 'idle');
    for (const one of [worker, web]) {
      one.signalAll('SIGTERM');
      assert.is(await one.ended, 0);
    }
  });

  it('a worker with a port says how it does, and takes no events', async () => {
    const worker = run({ PROCESS: 'worker', PORT: '0', ADMIN_TOKEN });
    const port = await worker.port();
    for (const path of ['/healthz', '/readyz', '/metrics'])
      assert.is((await call(port, { method: 'GET', path })).status, 200, path);
    for (const refused of [await beacon(port, [layersEvent()]), await admin(port, '/pipelines')]) {
      assert.is(refused.status, 404);
      assert.match(refused.body, /This process takes no events/);
    }
  });
});

/** A request whose body stops half-way until told to go on. */
function slowRequest(port: number) {
  const body = JSON.stringify({ events: [layersEvent()] });
  const headers = {
    'x-storefront-access-token': 'demo-token',
    'content-length': body.length,
    // Answered when the server has the headers: then the request is in hand.
    expect: '100-continue',
  };
  const slow = request({ port, host: '127.0.0.1', method: 'POST', path: '/beacon', headers });
  const status = new Promise<number | undefined>((resolve, reject) => {
    slow.once('response', (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    slow.once('error', reject);
  });
  const begun = new Promise<void>((resolve) =>
    slow.once('continue', () => slow.write(body.slice(0, 10), () => resolve())),
  );
  slow.flushHeaders();
  return { begun, status, finish: () => void slow.end(body.slice(10)) };
}
