import { request } from 'node:http';
import * as assert from 'uvu/assert';
import type { PipelineReport } from '../../../schemas/admin-api/pipelines.ts';
import type { Receipt } from '../../../schemas/admin-api/receipts.ts';
import type { TailLine } from '../../../schemas/admin-api/tail.ts';
import { describe } from '../../support/describe.ts';
import { beacon, call, layersEvent, SHOP } from '../../support/gateway.ts';
import { type LogKind, logKinds } from '../../support/logs.ts';
import type { Started } from '../../support/main.ts';
import { alive } from '../../support/processes.ts';
import { until } from '../../support/until.ts';
import { ADMIN_TOKEN, admin, openStage, patient, type Stage } from './stage.ts';

const stageOn = async (log: LogKind): Promise<Stage> =>
  openStage({ LOG_URL: await log.fresh(), WEB_CONCURRENCY: '2', LOG_LEVEL: 'debug', ADMIN_TOKEN });

/** Which web processes have answered event requests since a line of the log, by the debug lines. */
const answering = ({ lines }: Started, since: number): Set<unknown> =>
  new Set(
    lines()
      .slice(since)
      .flatMap(({ msg, web }) => (msg === 'request answered' ? [web] : [])),
  );

/** The processes take new connections in turn. */
const alone = { alone: true };

const ids = (name: string, count: number): string[] => Array.from({ length: count }, (_, n) => `${name}-${n}`);

for (const log of logKinds()) {
  // One after the other on the same processes: each takes them as the one before left them.
  describe(`two web processes, on ${log.name}`, ({ it: quick, before, after }) => {
    const it = patient(quick);
    let stage: Stage;
    let gateway: Started;
    let port = 0;
    before(async () => {
      await log.start();
      stage = await stageOn(log);
      gateway = stage.run();
      port = await gateway.port();
    });
    after(async () => {
      await stage.close();
      await log.stop();
    });
    const linesOf = (msg: string, since = 0) =>
      gateway
        .lines()
        .slice(since)
        .filter((line) => line.msg === msg);
    /** Kills the one that has run longest, and waits for the one that takes its place. */
    const replaceOne = async () => {
      const before = gateway.webs().length;
      process.kill(alive(gateway.webs())[0] ?? 0, 'SIGKILL');
      await until(() => gateway.webs().length > before, 30_000);
    };
    /** Whether each of them answers so to events that carry this token. */
    const everywhere = async (token: string, status: number) => {
      const headers = { 'x-storefront-access-token': token };
      const replies = await Promise.all(ids('new', 8).map(() => beacon(port, [layersEvent()], { ...alone, headers })));
      return replies.every((reply) => reply.status === status);
    };

    it('say what they are, once', async () => {
      const said = await until(() => /^process all: .*$/m.exec(gateway.output())?.[0]);
      assert.match(said, /^process all: moves pipelines; 2 web processes take events; log (lmdb:|postgres(ql)?:)/);
      assert.is(linesOf('gateway started').length, 1);
      assert.is(gateway.webs().length, 2);
    });

    it('share a port, and what they take is delivered once', async () => {
      const shared = ids('shared', 40);
      await Promise.all(shared.map((event_id) => beacon(port, [layersEvent({ event_id })])));
      await until(() => answering(gateway, 0).size === 2);
      await until(() => stage.delivered().length >= shared.length);
      // What one of them took, the other knows.
      const again = await Promise.all(shared.map((event_id) => beacon(port, [layersEvent({ event_id })])));
      assert.ok(again.every(({ headers }) => headers['x-events-duplicate'] === '1'));
      await until(async () => JSON.parse((await call(port, { method: 'GET', path: '/readyz' })).body).balanced);
      assert.equal(stage.delivered().sort(), shared.sort());
    });

    it('take orders and answer questions at any of them', async () => {
      const standings = async () =>
        Promise.all(
          Array.from({ length: 4 }, async () => {
            const { pipelines } = JSON.parse((await admin(port, '/pipelines')).body) as { pipelines: PipelineReport[] };
            return pipelines.map(({ state, delivered }) => `${state} ${delivered}`).join();
          }),
        );
      const before = stage.delivered().length;
      await beacon(port, [layersEvent({ event_id: 'asked' })]);
      await until(async () => (await standings()).every((one) => one === `idle ${before + 1}`));
      assert.is((await admin(port, `/pipelines/${SHOP}/hook/suspend`, { reason: 'by hand' })).status, 200);
      assert.equal(new Set(await standings()), new Set([`suspended ${before + 1}`]));
      await beacon(port, [layersEvent({ event_id: 'later' })]);
      assert.is((await admin(port, `/pipelines/${SHOP}/hook/resume`, {})).status, 200);
      await until(() => stage.delivered().length === before + 2);
      const [receipt] = (JSON.parse((await admin(port, '/receipts/asked')).body) as { receipts: Receipt[] }).receipts;
      assert.is(receipt?.pipelines?.[0]?.state, 'delivered');
      assert.is((await admin(port, '/replays', { shop: SHOP, pipeline: 'hook' })).status, 200);
      await until(() => stage.delivered().length === 2 * (before + 2));
    });

    it('show the events of all and the deliveries of the owner to whoever follows the tail at one', async () => {
      const since = gateway.lines().length;
      const tail = followTail(port);
      const { lines } = tail;
      // The others come to know of the reader a moment after it was let in.
      await until(async () => {
        await beacon(port, [layersEvent()]);
        return lines.length > 0;
      });
      const seen = ids('seen', 20);
      await Promise.all(seen.map((event_id) => beacon(port, [layersEvent({ event_id })], alone)));
      await beacon(port, [{ event_type: 'nothing', event_id: 'refused' }]);
      const accepted = () => lines.flatMap((line) => (line.kind === 'accepted' ? [line.event.event_id] : []));
      const told = (kind: string) =>
        lines.flatMap((line) => (line.kind === kind && 'event_id' in line ? [line.event_id] : []));
      await until(() => seen.every((id) => accepted().includes(id) && told('delivered').includes(id)));
      await until(() => told('refused').includes('refused'));
      await beacon(port, [], { headers: { 'x-storefront-access-token': 'unknown' } });
      await until(() => lines.some((line) => line.kind === 'refused' && line.code === 'token_unknown'));
      await until(() => answering(gateway, since).size === 2);
      await tail.leave();
    });

    it('count together, and go on counting from there when one is killed', async () => {
      const counted = {
        requests: 'gateway_requests_total{dialect="layers",status="201"}',
        answered: 'gateway_request_seconds_count',
        appended: `gateway_events_total{shop="${SHOP}",outcome="appended",reason=""}`,
      };
      const counts = async () => {
        const { body } = await call(port, { method: 'GET', path: '/metrics' });
        const count = (name: string) =>
          Number(
            body
              .split('\n')
              .find((line) => line.startsWith(`${name} `))
              ?.split(' ')
              .at(-1),
          );
        return {
          requests: count(counted.requests),
          answered: count(counted.answered),
          appended: count(counted.appended),
        };
      };
      // A page of metrics is kept for a second.
      const settled = async () => {
        await new Promise((resolve) => setTimeout(resolve, 1100));
        return counts();
      };
      const before = await settled();
      const since = gateway.lines().length;
      await Promise.all(ids('counted', 20).map((event_id) => beacon(port, [layersEvent({ event_id })], alone)));
      await until(() => answering(gateway, since).size === 2);
      const after = { requests: before.requests + 20, answered: before.answered + 20, appended: before.appended + 20 };
      assert.equal(await settled(), after);
      await replaceOne();
      assert.equal(await settled(), after);
      await beacon(port, [layersEvent()]);
      await until(async () => (await counts()).requests === after.requests + 1);
    });

    it('all take a new configuration, on SIGHUP to all and when the file changes', async () => {
      // Refusals are held longer and longer: to ask for them again and again would take long.
      const reloaded = async (change: () => void) => {
        const before = linesOf('configuration reloaded').length;
        change();
        await until(() => linesOf('configuration reloaded').length > before);
      };
      assert.ok(await everywhere('second', 401));
      await reloaded(() => {
        stage.write({ tokens: '[demo-token, second]' });
        gateway.signalAll('SIGHUP');
      });
      await until(() => everywhere('second', 201));
      await reloaded(() => stage.write({ tokens: '[demo-token, third]' }));
      await until(() => everywhere('third', 201));
      assert.ok(await everywhere('second', 401));
      // A mistake changes nothing anywhere.
      stage.write('shops: []');
      gateway.signalAll('SIGHUP');
      await until(() => gateway.output().includes('the new configuration is refused'));
      assert.ok(await everywhere('third', 201));
    });

    it('lose nothing that was acknowledged when one is killed, and it comes back with the new configuration', async () => {
      const acknowledged: string[] = [];
      const since = gateway.lines().length;
      let running = true;
      let sent = 0;
      const client = async () => {
        while (running) {
          const event_id = `kill-${++sent}`;
          const reply = await beacon(port, [layersEvent({ event_id })]).catch(() => undefined);
          if (reply?.status === 201) acknowledged.push(event_id);
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
      };
      const clients = Array.from({ length: 8 }, client);
      await until(() => acknowledged.length > 100);
      await replaceOne();
      const before = acknowledged.length;
      await until(() => acknowledged.length > before + 100);
      running = false;
      await Promise.all(clients);
      // It has the configuration that came after the gateway had started.
      assert.ok(await everywhere('third', 201));
      await until(() => {
        const came = new Set(stage.delivered());
        return acknowledged.every((id) => came.has(id));
      }, 30_000);
      assert.equal(
        linesOf('a web process ended', since).map(({ signal }) => signal),
        ['SIGKILL'],
      );
    });

    it('end with 0 on SIGTERM to the owner, twice, with what is in hand answered', () =>
      endsWell(gateway, () => gateway.child.kill('SIGTERM')));

    it('end with 0 on SIGTERM to all of them, twice, with what is in hand answered', async () => {
      const other = await stageOn(log);
      const all = other.run();
      await all.port();
      await endsWell(all, () => all.signalAll('SIGTERM'));
      await other.close();
    });
  });
}

async function endsWell(gateway: Started, terminate: () => void): Promise<void> {
  const since = gateway.lines().length;
  const slow = slowRequest(await gateway.port());
  await slow.begun;
  for (let twice = 0; twice < 2; twice++) terminate();
  await until(() => gateway.lines().filter(({ msg, web }) => msg === 'stopping' && web).length === 2);
  slow.finish();
  assert.is(await slow.status, 201);
  assert.is(await gateway.ended, 0);
  assert.equal(alive(gateway.webs()), []);
  const ended = ({ msg }: Record<string, unknown>) => msg === 'a web process ended';
  assert.is(gateway.lines().slice(since).some(ended), false);
}

/** Reads the tail until it leaves. */
function followTail(port: number): { lines: TailLine[]; leave: () => Promise<void> } {
  const lines: TailLine[] = [];
  const ending = new AbortController();
  const headers = { authorization: `Bearer ${ADMIN_TOKEN}` };
  const read = async (): Promise<void> => {
    const { body } = await fetch(`http://127.0.0.1:${port}/admin/tail`, { headers, signal: ending.signal });
    for await (const chunk of body ?? [])
      for (const [, data = ''] of Buffer.from(chunk)
        .toString()
        .matchAll(/^data: (.*)$/gm))
        lines.push(JSON.parse(data));
  };
  // It ends with an error when its process does; a test that waits for lines sees that they are missing.
  const followed = read().catch(() => {});
  return {
    lines,
    leave: () => {
      ending.abort();
      return followed;
    },
  };
}

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
