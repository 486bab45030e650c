import { once } from 'node:events';
import { connect } from 'node:net';
import { gunzipSync } from 'node:zlib';
import * as assert from 'uvu/assert';
import { cachedFor, createReadDeadline } from '../../../server/http/large-answers.ts';
import { describe } from '../../support/describe.ts';
import { call, gatewayWith } from '../../support/gateway.ts';
import { until } from '../../support/until.ts';

const config = 'shops: [{ shop: demo.myshopify.com, tokens: [demo-token] }]';
const get = (path: string) => `GET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`;

describe('a large answer', ({ it }) => {
  it('comes compressed where the client takes that, and not again where the client has it', async () => {
    const gateway = await gatewayWith(config);
    const url = `http://127.0.0.1:${gateway.port}/openapi.json`;
    const plain = await fetch(url, { headers: { 'accept-encoding': 'identity' } });
    const text = await plain.text();
    assert.is(plain.headers.get('content-encoding'), null);
    const squeezed = await raw(gateway.port, '/openapi.json', 'Accept-Encoding: br, gzip\r\n');
    assert.match(squeezed.head, /content-encoding: gzip/i);
    assert.is(gunzipSync(squeezed.body).toString(), text);
    assert.ok(squeezed.body.length < text.length / 4);
    const etag = plain.headers.get('etag') ?? '';
    const again = { method: 'GET', path: '/openapi.json', headers: { 'if-none-match': etag } };
    assert.is((await call(gateway.port, again)).status, 304);
    assert.is((await fetch(url, { method: 'HEAD' })).status, 200);
    await gateway.stop();
  });

  it('is the last of its connection', async () => {
    const gateway = await gatewayWith(config);
    const socket = connect(gateway.port, '127.0.0.1').on('error', () => {});
    let answers = 0;
    let bytes = 0;
    socket.on('data', (chunk) => {
      bytes += chunk.length;
      answers += chunk.toString('latin1').split('HTTP/1.1 ').length - 1;
    });
    socket.write(get('/openapi.json').repeat(10));
    await until(() => bytes > 50_000);
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.is(answers, 1);
    // Whoever asks on behind its last answer is let go: Node relies on the order of answers.
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.write(get('/healthz').repeat(5));
    await closed;
    assert.is(answers, 1);
    await gateway.stop();
  });
});

/** One answer as bytes. */
async function raw(port: number, path: string, headers: string) {
  const socket = connect(port, '127.0.0.1');
  socket.write(`GET ${path} HTTP/1.1\r\nhost: a\r\n${headers}\r\n`);
  const chunks: Buffer[] = [];
  let length = Number.POSITIVE_INFINITY;
  let at = 0;
  for await (const chunk of socket) {
    chunks.push(chunk);
    const all = Buffer.concat(chunks);
    at = all.indexOf('\r\n\r\n') + 4;
    if (at > 3) length = Number(/content-length: (\d+)/i.exec(all.subarray(0, at).toString())?.[1]);
    if (all.length >= at + length) break;
  }
  const all = Buffer.concat(chunks);
  return { head: all.subarray(0, at).toString(), body: all.subarray(at) };
}

describe('large answers that nobody reads', ({ it }) => {
  /** As Koa's context, so far as it is looked at. */
  async function pair() {
    const { createServer } = await import('node:net');
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const client = connect((server.address() as { port: number }).port, '127.0.0.1').on('error', () => {});
    const [socket] = await once(server, 'connection');
    server.close();
    return { client, ctx: { length: 100_000, set: () => {}, req: { socket } } as never, socket };
  }

  it('are reset when their time is over, and where there are too many the oldest first', async () => {
    const readDeadline = createReadDeadline({ readMs: 200, unreadBytes: 250_000 });
    const all = [await pair(), await pair(), await pair()];
    for (const { ctx } of all) readDeadline.watch(ctx);
    await once(all[0]?.socket, 'close');
    assert.is(readDeadline.unreadBytes(), 200_000);
    assert.not(all[1]?.socket.destroyed);
    await until(() => readDeadline.unreadBytes() === 0);
    assert.ok(all[1]?.socket.destroyed && all[2]?.socket.destroyed);
  });

  it('are forgotten when the client closes', async () => {
    const readDeadline = createReadDeadline({ readMs: 60_000, unreadBytes: 250_000 });
    const { client, ctx, socket } = await pair();
    readDeadline.watch(ctx);
    socket.resume();
    client.end();
    await until(() => readDeadline.unreadBytes() === 0);
  });
});

describe('what is kept for a time', ({ it }) => {
  it('is asked once for all, again when it is old, and again at once after a failure', async () => {
    let time = 0;
    let asked = 0;
    let fails = false;
    const kept = cachedFor(
      1000,
      () => time,
      async () => {
        asked += 1;
        if (fails) throw new Error('no');
        return asked;
      },
    );
    assert.equal(await Promise.all([kept(), kept()]), [1, 1]);
    time = 999;
    assert.is(await kept(), 1);
    time = 1000;
    fails = true;
    assert.is(await kept().catch(() => 'failed'), 'failed');
    fails = false;
    assert.is(await kept(), 3);
  });
});
