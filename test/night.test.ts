import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { describe } from './support/describe.ts';
import { temporaryFolder } from './support/folder.ts';
import { beacon, call, layersEvent, SHOP } from './support/gateway.ts';
import { logKinds } from './support/logs.ts';
import { type Started, startMain } from './support/main.ts';
import { openSink, type Sink } from './support/sink.ts';
import { askAll, contradictions, type Said, type Surfaces } from './support/surfaces.ts';
import { until } from './support/until.ts';

const token = 'a'.repeat(32);
const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const down = { kind: 'answer', status: 503, body: 'out of order' } as const;
const up = { kind: 'answer', status: 200 } as const;

/** A shop whose one pipeline has this id; without one it has none. */
const configOf = (url: string, id?: string): string =>
  [
    'shops:',
    `  - shop: ${SHOP}`,
    '    tokens: [demo-token]',
    ...(id === undefined
      ? ['    pipelines: []']
      : [
          '    pipelines:',
          `      - id: ${id}`,
          `        destination: { type: webhook, url: "${url}", secret: "${SECRET}", allowPrivateNetworks: true }`,
        ]),
  ].join('\n');

describe('a night on call: web and worker apart, on PostgreSQL; every surface says the same', ({
  it,
  before,
  after,
}) => {
  const [, postgres] = logKinds();
  const folder = temporaryFolder();
  let sink: Sink;
  let url = '';
  let web: Started;
  let worker: Started | undefined;
  let port = 0;
  let sent = 0;

  const start = (env: Record<string, string>): Started =>
    startMain(folder.path, { LOG_URL: url, GATEWAY_CONFIG: 'gateway.yaml', ADMIN_TOKEN: token, ...env });
  const startWorker = async (): Promise<void> => {
    worker = start({ PROCESS: 'worker', PORT: '' });
    await worker.port();
  };
  const configure = (id?: string): void => {
    writeFileSync(join(folder.path, 'gateway.yaml'), configOf(sink.url, id));
    for (const process of [web, worker]) process?.signalAll('SIGHUP');
  };
  /** Stores an event and gives its id. */
  const happens = async (): Promise<string> => {
    const event_id = `night-${++sent}`;
    assert.is((await beacon(port, [layersEvent({ event_id })])).status, 201);
    return event_id;
  };
  const ask = (pipeline: string, eventId?: string): Promise<Surfaces> =>
    askAll({ port, token, mover: worker, pipeline, eventId });
  /**
   * Asks all surfaces until none contradicts another and they say what is expected; what they say a moment apart may be of two moments.
   * Gives what they say.
   */
  const allSay = async (expected: Partial<Said>, pipeline: string, eventId?: string): Promise<Said> => {
    let last: unknown;
    return until(async () => {
      const surfaces = await ask(pipeline, eventId);
      const said = surfaces['pipelines (JSON)'];
      const different = Object.entries(expected).filter(([name, value]) => said?.[name as keyof Said] !== value);
      last = { contradictions: contradictions(surfaces), different, surfaces };
      return different.length + contradictions(surfaces).length === 0 ? said : undefined;
    }, 15_000).catch((error: unknown) => {
      throw new Error(`the surfaces do not agree: ${JSON.stringify(last, undefined, 1)}`, { cause: error });
    });
  };
  const noneKnows = async (pipeline: string): Promise<void> => {
    await until(async () => {
      const { log: _, ...surfaces } = await ask(pipeline);
      return Object.values(surfaces).every((said) => said === undefined);
    });
  };
  const order = async (path: string, body: object): Promise<void> => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const reply = await call(port, { method: 'POST', path: `/admin${path}`, headers, body: JSON.stringify(body) });
    assert.is(reply.status, 200, reply.body);
  };
  /** What the tail of the web process begins with. */
  const firstOfTail = async (): Promise<string> => {
    const headers = { authorization: `Bearer ${token}` };
    const ending = new AbortController();
    const { body } = await fetch(`http://127.0.0.1:${port}/admin/tail`, { headers, signal: ending.signal });
    let text = '';
    for await (const chunk of body ?? []) {
      text += Buffer.from(chunk).toString();
      if (text.includes('data: ')) break;
    }
    ending.abort();
    return text;
  };
  const logged = (msg: string) => worker?.lines().filter((line) => line.msg === msg) ?? [];

  before(async () => {
    await postgres?.start();
    url = (await postgres?.fresh()) ?? '';
    sink = await openSink();
    writeFileSync(join(folder.path, 'gateway.yaml'), configOf(sink.url, 'hook'));
    web = start({ PROCESS: 'web' });
    port = await web.port();
  });
  after(async () => {
    for (const started of [web, worker]) started?.signalAll('SIGKILL');
    await sink.close();
    await postgres?.stop();
    folder.remove();
  });

  it('20:00, nobody has started the worker: events wait for a process that moves them', async () => {
    const waiting = await happens();
    const said = await allSay({ state: 'unmoved', pending: 1, last_success: undefined }, 'hook', waiting);
    assert.match(said.reason ?? '', /no process moves it: start one with PROCESS=worker/);
    assert.match(await firstOfTail(), /"kind":"note","text":"no process delivers anything: start one/);
    assert.ok(said.since, 'since when');
    await startWorker();
    await until(() => sink.events().length === 1);
    assert.match(await firstOfTail(), /"kind":"note","text":"not shown: what another process delivers;/);
    const well = await allSay({ state: 'idle', pending: 0, lag: 0, failed_attempts: 0, since: undefined }, 'hook');
    assert.ok(well.last_success, 'its last success');
  });

  let failing: Said;

  it('22:00, the destination fails', async () => {
    sink.behave(down);
    const first = await happens();
    failing = await allSay({ state: 'failing', pending: 1 }, 'hook', first);
    assert.match(failing.reason ?? '', /^HTTP 503/);
    assert.is(failing.since, failing.failing_since);
    await until(() => logged('pipeline failing').length === 1);
    await happens();
    await allSay({ state: 'failing', pending: 2, since: failing.since }, 'hook', first);
  });

  it('22:30, it does not answer at all: an attempt that is under way is no recovery', async () => {
    sink.behave({ kind: 'hang' });
    const asked = sink.requests.length;
    await until(() => sink.requests.length > asked, 15_000);
    await allSay({ state: 'failing', since: failing.since, last_success: failing.last_success }, 'hook', 'night-2');
    sink.behave(down);
  });

  it('23:00, the worker is killed, and nobody takes over', async () => {
    worker?.signalAll('SIGKILL');
    await worker?.ended;
    worker = undefined;
    const said = await allSay({ state: 'unmoved', pending: 2, failing_since: failing.since }, 'hook', 'night-2');
    assert.ok((said.since ?? 0) > (failing.since ?? 0), 'since when nobody moves it');
    assert.is(said.last_success, failing.last_success);
  });

  it('23:10, both processes start anew: it fails since 22:00', async () => {
    web.signalAll('SIGTERM');
    assert.is(await web.ended, 0);
    web = start({ PROCESS: 'web' });
    port = await web.port();
    await startWorker();
    await until(() => logged('pipeline failing').length === 1, 15_000);
    const { since, last_success } = failing;
    const said = await allSay({ state: 'failing', since, last_success, pending: 2 }, 'hook', 'night-2');
    assert.ok((said.failed_attempts ?? 0) > (failing.failed_attempts ?? 0), 'attempts are counted on');
  });

  it('23:30, it recovers, and the log says how long it had failed and what waits', async () => {
    sink.behave(up);
    await until(() => sink.events().some(({ event_id }) => event_id === 'night-3'), 40_000);
    const well = await allSay({ state: 'idle', pending: 0, lag: 0, failing_since: undefined }, 'hook');
    assert.ok((well.last_success ?? 0) > (failing.last_success ?? 0), 'another success');
    const [line, ...more] = logged('pipeline recovered');
    assert.equal([line?.pipeline, more.length], ['hook', 0]);
    assert.is(Math.floor(Date.parse(String(line?.failing_since)) / 1000), failing.since);
    assert.ok(Number(line?.failed_for_seconds) > 5 && Number(line?.pending) <= 1, JSON.stringify(line));
  });

  it('00:00, it fails again and is renamed: the old one is orphaned, the new one begins', async () => {
    sink.behave(down);
    const owed = await happens();
    const before = await allSay({ state: 'failing', pending: 1 }, 'hook', owed);
    configure('crm');
    const orphan = await allSay({ state: 'orphaned', pending: 1, failing_since: before.since }, 'hook', owed);
    assert.ok(orphan.since, 'since when');
    await allSay({ state: 'idle', pending: 0, last_success: undefined }, 'crm');
    sink.behave(up);
    await order(`/pipelines/${SHOP}/hook/adopt`, { as: 'crm' });
    await until(() => sink.events().filter(({ event_id }) => event_id === owed).length >= 2, 40_000);
    await noneKnows('hook');
  });

  it('01:00, it is removed while it fails, and what it owes is discarded', async () => {
    sink.behave(down);
    const owed = await happens();
    await allSay({ state: 'failing', pending: 1 }, 'crm', owed);
    configure();
    await allSay({ state: 'orphaned', pending: 1 }, 'crm', owed);
    await order(`/pipelines/${SHOP}/crm/discard`, { confirm: true });
    await noneKnows('crm');
  });
});

describe('surfaces that are compared', ({ it }) => {
  const said: Said = { state: 'failing', since: 100, failed_attempts: 3, last_success: 50, pending: 2, lag: 7 };
  const truth: Surfaces = { a: said, b: said, c: { ...said, lag: 9 }, log: { state: 'failing', since: 100 } };

  it('agree where each says the same of what it has words for', () => {
    assert.equal(contradictions(truth), []);
    assert.equal(contradictions({ a: undefined, b: undefined, log: said }), []);
  });

  it('are caught where one lies, whichever it is and whatever about', () => {
    const lies: Partial<Said>[] = [
      ...[{ state: 'idle' }, { since: 101 }, { since: undefined }, { failed_attempts: 0 }, { last_success: undefined }],
      ...[{ pending: 3 }, { lag: 0 }],
    ];
    for (const liar of ['a', 'b', 'c'])
      for (const lie of lies) {
        const [caught = ''] = contradictions({ ...truth, [liar]: { ...truth[liar], ...lie } });
        assert.match(caught, new RegExp(`^${liar} says ${Object.keys(lie)[0]} `));
      }
    assert.match(contradictions({ ...truth, log: { state: 'failing', since: 90 } })[0] ?? '', /^log says since 90/);
    assert.equal(contradictions({ ...truth, b: undefined }), ['b does not know the pipeline']);
    assert.equal(contradictions({ ...truth, log: undefined }), ['log says nothing, the others failing']);
  });
});
