import { once } from 'node:events';
import { connect } from 'node:net';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import * as assert from 'uvu/assert';
import { createBodyBudget } from '../../../server/overload/body-budget.ts';
import { createRequestQueue } from '../../../server/overload/request-queue.ts';
import { describe } from '../../support/describe.ts';
import { beacon, call, gatewayWith, layersEvent } from '../../support/gateway.ts';
import { until } from '../../support/until.ts';

describe('the budget of bodies', ({ it }) => {
  /** A budget of 1,000 KB on a clock of its own. */
  const budget = () => {
    let time = 0;
    const bodies = createBodyBudget(1_000_000, () => time);
    const evicted: string[] = [];
    const begin = (name: string, bytes: number, shop: string) => {
      const hold = bodies.reserve(time, (why) => evicted.push(`${name}: ${why}`), shop);
      hold.add(bytes);
      return hold;
    };
    const pass = (ms: number) => {
      time += ms;
    };
    return { bodies, evicted, begin, pass, pressure: (shop: string) => bodies.pressure(time, shop) };
  };

  it('takes the room of unfinished bodies that stand, before it refuses anyone, also below the full budget', () => {
    const { begin, evicted, pass, pressure, bodies } = budget();
    begin('stands longest', 300_000, 'a');
    pass(500);
    begin('stands', 500_000, 'a');
    pass(1000);
    assert.is(pressure('a'), 'none');
    assert.equal(evicted, ['stands longest: room']);
    assert.is(bodies.bytes(), 500_000);
  });

  it('does not take a byte now and then for a body that moves', () => {
    const { begin, evicted, pass, pressure } = budget();
    const drips = begin('drips', 400_000, 'a');
    const moves = begin('moves', 400_000, 'a');
    for (let second = 0; second < 3; second += 1) {
      pass(400);
      drips.add(1);
      moves.add(1024);
    }
    assert.is(pressure('a'), 'none');
    assert.equal(evicted, ['drips: room']);
  });

  it('refuses the shop that holds more than its share, and no other', () => {
    const { begin, pressure, bodies } = budget();
    bodies.take(800_000, 'a');
    begin('small', 10_000, 'b');
    assert.is(pressure('a'), 'browse');
    assert.is(pressure('b'), 'none');
    assert.is(pressure('new'), 'none');
    bodies.take(300_000, 'a');
    assert.is(pressure('a'), 'all');
    assert.is(pressure('b'), 'none');
    bodies.take(500_000, 'a');
    assert.is(pressure('b'), 'all', 'there is an end to it');
  });

  it('gives up moving bodies of who holds much where all goes to its end', () => {
    const { begin, evicted, bodies } = budget();
    begin('small', 10_000, 'b');
    begin('first', 900_000, 'a');
    begin('second', 600_000, 'a');
    assert.equal(evicted, ['first: room']);
    assert.is(bodies.bytes(), 610_000);
  });

  it('ends bodies that stand still, whatever room there is', () => {
    const { begin, evicted, bodies } = budget();
    begin('stands', 10, 'a');
    begin('done', 10, 'a').complete();
    bodies.endStalled(9_999, 10_000);
    assert.equal(evicted, []);
    bodies.endStalled(10_000, 10_000);
    assert.equal(evicted, ['stands: stalled']);
  });
});

describe('turns', ({ it }) => {
  it('go from shop to shop, so that a shop waits for itself only', async () => {
    let time = 0;
    const queue = createRequestQueue(() => time);
    const begun: string[] = [];
    const come = (shop: string) =>
      void queue.enter(time, shop).then(() => {
        begun.push(shop);
        time += 5;
      });
    come('busy');
    await undefined;
    time += 30;
    for (let n = 0; n < 200; n += 1) come('busy');
    come('quiet');
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    assert.ok(begun.indexOf('quiet') > 0 && begun.indexOf('quiet') <= 3, begun.join());
    time += 5000;
    assert.ok(queue.oldestWaitMs(time, 'busy') === 0 || queue.oldestWaitMs(time, 'busy') >= 5000);
    assert.is(queue.oldestWaitMs(time, 'quiet'), 0);
  });
});

const config = `
shops:
  - { shop: demo.myshopify.com, tokens: [demo-token] }
  - { shop: other.myshopify.com, tokens: [other-token] }`;
const MB = 1024 ** 2;
const other = { headers: { 'x-storefront-access-token': 'other-token' } };
const head = (more: string) =>
  `POST /beacon HTTP/1.1\r\nhost: a\r\nx-storefront-access-token: demo-token\r\n${more}\r\n\r\n`;

describe('a client that leaves bodies unfinished', ({ it }) => {
  it('costs another shop nothing, before and after its bodies are given up', async () => {
    const gateway = await gatewayWith(config, { MAX_IN_FLIGHT_BYTES: String(4 * MB) });
    const sockets = Array.from({ length: 15 }, () => {
      const socket = connect(gateway.port, '127.0.0.1').on('error', () => {});
      socket.write(head('content-length: 262144') + 'x'.repeat(240_000));
      return socket;
    });
    const page = async () => (await call(gateway.port, { method: 'GET', path: '/metrics' })).body;
    for (let n = 0; n < 30; n += 1) {
      assert.is((await beacon(gateway.port, [layersEvent()], other)).status, 201);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await until(async () => (await beacon(gateway.port, [layersEvent()])).status === 201);
    assert.match(await page(), /gateway_shed_total\{reason="memory",worth="any"\} [1-9]/);
    for (const socket of sockets) socket.destroy();
    await gateway.stop();
  });

  it('is refused where a compressed body is too long, whatever comes out of it', async () => {
    const gateway = await gatewayWith(config);
    const named = Buffer.from([0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 3]);
    const socket = connect(gateway.port, '127.0.0.1').on('error', () => {});
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.write(head(`content-encoding: gzip\r\ncontent-length: ${40 * MB}`));
    socket.write(Buffer.concat([named, Buffer.alloc(300_000, 'x')]));
    await until(() => text.startsWith('HTTP/1.1 413'));
    socket.destroy();
    await gateway.stop();
  });

  it('keeps a compressed body as it came until it is complete', async () => {
    const { bodies, body, costs } = await unfinished(brotliCompressSync('x'.repeat(255_000)));
    assert.is(bodies, body.length - 1);
    // It is charged once, with what was made of it.
    assert.is(costs.length, 1);
    assert.ok((costs[0] ?? 0) >= body.length + 255_000, String(costs));
  });
});

/** A body but for its last byte: what is counted of it. */
async function unfinished(body: Buffer) {
  const { createLoad } = await import('../../../server/overload/load.ts');
  const { readBody } = await import('../../../server/http/request-body.ts');
  const { IncomingMessage } = await import('node:http');
  const { Socket } = await import('node:net');
  const load = createLoad({ maxBytes: 1e9, disk: () => 'none', onRefusal: () => {}, onShortage: () => {} });
  const request = new IncomingMessage(new Socket());
  Object.assign(request.headers, { 'content-encoding': 'br', 'content-length': String(body.length) });
  const costs: number[] = [];
  const onCost = (bytes: number) => void costs.push(bytes);
  const arriving = readBody(request, { load, shop: 'a', maxBytes: 262_144, onCost });
  request.push(body.subarray(0, -1));
  await until(() => load.bodies.bytes() > 0);
  const bodies = load.bodies.bytes();
  request.push(body.subarray(-1));
  request.push(null);
  assert.is((await arriving.whole).length, 255_000);
  assert.is(load.bodies.bytes(), 255_000);
  arriving.release();
  assert.is(load.bodies.bytes(), 0);
  return { bodies, body, costs };
}

describe('a client that only sends what is refused', ({ it }) => {
  const limited = { RATE_PER_TOKEN: '5', RATE_PER_SHOP: '10' };
  const isLimited = async (port: number, text: () => string) => {
    await until(() => text().length > 0);
    return (await beacon(port, [layersEvent()])).status === 429;
  };

  it('pays for bombs', async () => {
    const gateway = await gatewayWith(config, limited);
    const statuses: number[] = [];
    for (let n = 0; n < 3; n++) {
      const { status } = await call(gateway.port, {
        headers: { 'x-storefront-access-token': 'demo-token' },
        body: ' '.repeat(8 * MB),
        lane: 'gzip',
      });
      statuses.push(status);
    }
    // The first is worth more than two seconds pay for.
    assert.equal(statuses, [413, 429, 429]);
    await gateway.stop();
  });

  it('pays for chunks of a byte, also where the end never comes, and is let go once it is past its rate', async () => {
    const gateway = await gatewayWith(config, limited);
    const dust = connect(gateway.port, '127.0.0.1').on('error', () => {});
    dust.write(head('transfer-encoding: chunked'));
    dust.write('1\r\n \r\n'.repeat(1_100));
    await once(dust, 'close');
    let text = '';
    const next = connect(gateway.port, '127.0.0.1').on('error', () => {});
    next.on('data', (chunk) => {
      text += chunk;
    });
    next.write(head('transfer-encoding: chunked'));
    next.write('1\r\n \r\n'.repeat(10));
    await once(next, 'close');
    assert.match(text, /^HTTP\/1.1 429/);
    assert.ok(await isLimited(gateway.port, () => text));
    await gateway.stop();
  });
});

describe('a connection', ({ it }) => {
  it('that has sent nothing yet lives as long as an idle one, and not as long as headers may take', async () => {
    const gateway = await gatewayWith(config, { HEADERS_TIMEOUT_SECONDS: '1', KEEP_ALIVE_TIMEOUT_SECONDS: '4' });
    const socket = connect(gateway.port, '127.0.0.1').on('error', () => {});
    const begun = connect(gateway.port, '127.0.0.1', () => begun.write('POST /beacon HTTP/1.1\r\nX')).on(
      'error',
      () => {},
    );
    let text = '';
    begun.resume();
    socket.on('data', (chunk) => {
      text += chunk;
    });
    await once(begun, 'close');
    socket.write('GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n');
    await until(() => text.startsWith('HTTP/1.1 200'));
    const silent = connect(gateway.port, '127.0.0.1');
    silent.resume();
    await once(silent, 'close');
    await gateway.stop();
  });

  it('whose client has ended its half gets its answers', async () => {
    const gateway = await gatewayWith(config);
    const body = JSON.stringify({ events: [layersEvent()] });
    const socket = connect({ port: gateway.port, host: '127.0.0.1', allowHalfOpen: true });
    socket.end(head(`content-length: ${body.length}`) + body);
    let text = '';
    for await (const chunk of socket) text += chunk;
    assert.match(text, /^HTTP\/1\.1 201/);
    await gateway.stop();
  });

  it('that frames a body in two ways, or an odd one, is refused and closed, and nothing behind it is read', async () => {
    const gateway = await gatewayWith(config);
    const body = JSON.stringify({ events: [layersEvent()] });
    const chunked = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
    const next = head(`content-length: ${body.length}`) + body;
    for (const [framing, sent] of [
      ['Transfer-Encoding: gzip, chunked', chunked],
      ['Transfer-Encoding: chunked, chunked', chunked],
      ['Transfer-Encoding: identity', ''],
      [`Transfer-Encoding:\r\nContent-Length: ${body.length}`, body],
      [`Transfer-Encoding: chunked\r\nContent-Length: ${body.length}`, chunked],
      [`Content-Length: ${body.length}\r\nContent-Length: ${body.length}`, body],
    ] as const) {
      const socket = connect(gateway.port, '127.0.0.1').on('error', () => {});
      let text = '';
      socket.on('data', (chunk) => {
        text += chunk;
      });
      socket.write(head(framing) + sent + next);
      await once(socket, 'close');
      assert.match(text, /^HTTP\/1\.1 400/, framing);
      assert.not.match(text, / 201 /, framing);
    }
    const page = (await call(gateway.port, { method: 'GET', path: '/metrics' })).body;
    assert.not.match(page, /outcome="appended"[^}]*\} [1-9]/);
    await gateway.stop();
  });

  it('reads gzip and br of a whole body', async () => {
    const gateway = await gatewayWith(config);
    const body = JSON.stringify({ events: [layersEvent()] });
    for (const [encoding, bytes] of [
      ['gzip', gzipSync(body)],
      ['br', brotliCompressSync(body)],
    ] as const) {
      const reply = await beacon(gateway.port, [], { body: bytes, headers: { 'content-encoding': encoding } });
      assert.is(reply.status, 201);
    }
    await gateway.stop();
  });
});
