import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import * as assert from 'uvu/assert';
import { LogUnavailable } from '../adapters/logs/log.ts';
import type { Router } from '../server/http/koa-app.ts';
import type { HttpOptions } from '../server/http/server.ts';
import { createLoad } from '../server/overload/load.ts';
import type { Pressure } from '../server/overload/pressure.ts';
import { describe } from './support/describe.ts';
import { openEventServer } from './support/event-server.ts';
import { beacon, call, gatewayWith, glood, lanes, layersEvent, type Reply, tapcart } from './support/gateway.ts';
import { until } from './support/until.ts';

const config = `
shops:
  - { shop: demo.myshopify.com, tokens: [demo-token] }`;

/** Whoever is refused for now is told when to come again. */
function isTold({ status, headers }: Reply, wanted = 503): void {
  assert.is(status, wanted);
  assert.match(String(headers['retry-after']), /^[1-9]\d*$/);
}

/** A server with nothing behind it, in whatever need. */
async function serverIn(pressure: Pressure, options: Partial<HttpOptions> = {}) {
  const shed: string[] = [];
  const load = createLoad({
    maxBytes: 1e9,
    disk: () => pressure,
    refusalDelayMs: 0,
    onRefusal: (shortage, priority) => shed.push(`${shortage} ${priority}`),
    onShortage: () => {},
  });
  return { ...(await openEventServer({ load, http: options })), shed };
}

const gloodEvent = (name: string) => ({ event: { id: `${name}-1`, name, data: {} }, session_id: 's' });

/** A server whose bodies in hand are of others so far; refusals are held back until it stops. */
async function holdingBack(maxBytes: number, bytes: number) {
  const stopping = new AbortController();
  let refused = 0;
  const load = createLoad({
    maxBytes,
    disk: () => 'none',
    refusalDelayMs: 60_000,
    stopping: stopping.signal,
    onRefusal: () => {
      refused += 1;
    },
    onShortage: () => {},
  });
  const server = await serverIn('none', { load });
  const others = load.bodies.reserve(0, () => {});
  others.complete();
  others.add(bytes);
  return { ...server, stopping, others, refused: () => refused };
}

describe('a gateway in need', ({ it }) => {
  it('refuses browse events and takes what is about carts, in every dialect and lane', async () => {
    const { port, shed, close } = await serverIn('browse');
    for (const lane of lanes) {
      isTold(await beacon(port, [layersEvent(), layersEvent()], { lane }));
      assert.is(
        (await beacon(port, [layersEvent(), layersEvent({ event_type: 'add_to_cart' })], { lane })).status,
        201,
      );
      isTold(await glood(port, gloodEvent('page_viewed'), { lane }));
      assert.is((await glood(port, gloodEvent('checkout_started'), { lane })).status, 200);
    }
    isTold(await tapcart(port, { event: 'productViewed', mp_metadata: { mp_event_id: '1' } }));
    assert.equal([...new Set(shed)], ['disk browse']);
    assert.is(shed.length, 7);
    close();
  });

  it('refuses everything unread where it has to, in each dialect own words', async () => {
    const { port, shed, close } = await serverIn('all');
    const origin = 'https://shop.example.com';
    for (const lane of lanes) {
      const reply = await beacon(port, [layersEvent({ event_type: 'add_to_cart' })], { lane, headers: { origin } });
      isTold(reply);
      assert.match(JSON.parse(reply.body).errors[0], /send it again in [2-5] s/);
      assert.is(reply.headers['access-control-allow-origin'], origin, 'a page may read why');
      assert.is(reply.headers['x-events-accepted'], '0');
      isTold(await glood(port, 'not even JSON', { lane }));
    }
    assert.equal([...new Set(shed)], ['disk any']);
    close();
  });

  it('holds a refusal back, but not what it takes, and nothing once it stops', async () => {
    const { port, close, stopping, refused, others } = await holdingBack(1000, 2000);
    const held = lanes.map((lane) => beacon(port, [layersEvent()], { lane }));
    await until(() => refused() === lanes.length);
    others.release();
    assert.is((await beacon(port, [layersEvent()])).status, 201);
    assert.is(await Promise.race([...held, 'none yet']), 'none yet');
    stopping.abort();
    for (const reply of await Promise.all(held)) isTold(reply);
    close();
  });

  it('keeps nothing of a body whose refusal it holds back', async () => {
    const { port, close, stopping, refused } = await holdingBack(1e9, 8e8);
    const body = JSON.stringify({ events: [layersEvent({ query: 'x'.repeat(200_000) })] });
    // Written from here, so that their sender has each only once.
    const requests = [requestOf(body, body.length), chunkedOf(body)].map((text) => Buffer.from(text));
    const before = bytesInUse();
    const sockets = Array.from({ length: 90 }, (_, n) => {
      const socket = connect(port, '127.0.0.1');
      socket.write(requests[n % 2] ?? '');
      return socket;
    });
    await until(() => refused() === sockets.length);
    // The reading of the last of them ends a moment after it is refused.
    await new Promise((resolve) => setTimeout(resolve, 100));
    const kept = bytesInUse() - before;
    stopping.abort();
    for (const socket of sockets) socket.destroy();
    close();
    assert.ok(kept < 6e6, `${kept} bytes of ${sockets.length * body.length} in hand`);
  });

  it('keeps the connection of whoever it refuses, and takes the next request on it', async () => {
    let pressure: Pressure = 'all';
    const { port, close } = await serverIn('none', {
      load: {
        ...createLoad({
          maxBytes: 1e9,
          disk: () => pressure,
          refusalDelayMs: 0,
          onRefusal: () => {},
          onShortage: () => {},
        }),
      },
    });
    const socket = connect(port, '127.0.0.1');
    let answers = '';
    socket.on('data', (chunk) => {
      answers += chunk;
    });
    const body = JSON.stringify({
      events: Array.from({ length: 100 }, () => layersEvent({ query: 'x'.repeat(1000) })),
    });
    const send = () => socket.write(requestOf(body, body.length));
    send();
    await until(() => answers.includes('HTTP/1.1 503'));
    pressure = 'none';
    send();
    await until(() => answers.includes('HTTP/1.1 201'));
    socket.destroy();
    close();
  });
});

const chunkedOf = (body: string) =>
  `POST /beacon HTTP/1.1\r\nhost: a\r\nx-storefront-access-token: demo-token\r\ntransfer-encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** What is left when the garbage is collected. */
function bytesInUse(): number {
  // Once more for what the first has let go of.
  for (let n = 0; n < 3; n += 1) collectGarbage();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

const requestOf = (body: string, length: number) =>
  `POST /beacon HTTP/1.1\r\nhost: a\r\nx-storefront-access-token: demo-token\r\ncontent-length: ${length}\r\n\r\n${body}`;

describe('a gateway whose memory for bodies is full', ({ it }) => {
  it('refuses, and gives up those who send slowly', async () => {
    const gateway = await gatewayWith(config, { MAX_IN_FLIGHT_BYTES: '5000' });
    const slow: Socket = connect(gateway.port, '127.0.0.1');
    let answer = '';
    slow.on('data', (chunk) => {
      answer += chunk;
    });
    slow.write(requestOf('x'.repeat(6000), 10_000));
    await until(async () => (await beacon(gateway.port, [layersEvent()])).status === 503);
    const page = await call(gateway.port, { method: 'GET', path: '/metrics' });
    assert.match(page.body, /gateway_shed_total\{reason="memory",worth="any"\} \d/);
    assert.match((await call(gateway.port, { method: 'GET', path: '/readyz' })).body, /"shedding":"memory"/);
    await until(async () => (await beacon(gateway.port, [layersEvent()])).status === 201);
    await until(() => answer.startsWith('HTTP/1.1 503'));
    slow.destroy();
    await gateway.stop();
  });

  it('counts whom it gives up without an answer', async () => {
    const shed: string[] = [];
    const onRefusal = (shortage: string, priority: string): void => void shed.push(`${shortage} ${priority}`);
    const load = createLoad({ maxBytes: 5000, disk: () => 'none', onRefusal, onShortage: () => {} });
    const { port, close } = await serverIn('none', { load });
    const slow = connect(port, '127.0.0.1');
    const chunk = `1770\r\n${'x'.repeat(6000)}\r\n`;
    slow.write(
      `POST /beacon HTTP/1.1\r\nhost: a\r\nx-storefront-access-token: demo-token\r\ntransfer-encoding: chunked\r\n\r\n${chunk}`,
    );
    await until(() => load.bodies.bytes() === 6000);
    const gone = once(slow, 'close');
    await until(() => !load.bodies.isFull(performance.now()));
    await gone;
    assert.equal(shed, ['memory any']);
    close();
  });
});

describe('the memory for bodies', ({ it }) => {
  it('is free again whatever becomes of the requests', async () => {
    const load = createLoad({ maxBytes: 1e9, disk: () => 'none', onRefusal: () => {}, onShortage: () => {} });
    const { port, close } = await serverIn('none', { load });
    const body = JSON.stringify({ events: [layersEvent({ query: 'x'.repeat(60_000) }), layersEvent()] });
    for (const lane of lanes) {
      await beacon(port, [], { body, lane });
      await beacon(port, [], { body, lane, headers: { 'x-storefront-access-token': 'unknown' } });
      await beacon(port, [], { body: 'no JSON', lane });
      await beacon(port, [], { body: 'x'.repeat(300_000), lane });
    }
    const gone = connect(port, '127.0.0.1');
    gone.write(requestOf('x'.repeat(100), 200));
    await until(() => load.bodies.bytes() === 100);
    gone.destroy();
    await until(() => load.bodies.bytes() === 0);
    close();
  });
});

describe('every 429 and 503', ({ it }) => {
  it('says when to come again, whichever part it comes from', async () => {
    const routes = (router: Router) => {
      router.get('/plain', (ctx) => {
        ctx.status = 503;
        ctx.body = {};
      });
      router.get('/busy', (ctx) => {
        ctx.status = 429;
        ctx.body = {};
      });
      router.get('/away', () => {
        throw new LogUnavailable('away');
      });
      router.get('/thrown', (ctx) => ctx.throw(503, 'not now'));
      router.get('/own', (ctx) => {
        ctx.set('Retry-After', '7');
        ctx.status = 503;
      });
      router.get('/fine', (ctx) => {
        ctx.body = {};
      });
    };
    const { port, close } = await serverIn('none', { routes });
    const get = (path: string) => call(port, { method: 'GET', path });
    for (const path of ['/plain', '/away', '/thrown', '/own']) isTold(await get(path));
    isTold(await get('/busy'), 429);
    assert.is((await get('/own')).headers['retry-after'], '7');
    assert.is((await get('/fine')).headers['retry-after'], undefined);
    close();
  });

  it('does so for what a token sends too often', async () => {
    const gateway = await gatewayWith(config, { RATE_PER_TOKEN: '1' });
    for (let request = 0; request < 5; request += 1) await beacon(gateway.port, [layersEvent()]);
    isTold(await beacon(gateway.port, [layersEvent()]), 429);
    isTold(await glood(gateway.port, {}, { path: '/api/storefront/v3/headless/init' }), 429);
    await gateway.stop();
  });
});
