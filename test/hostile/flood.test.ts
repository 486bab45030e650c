import { Agent, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import * as assert from 'uvu/assert';
import { describe } from '../support/describe.ts';
import { beacon, type Call, glood, layersEvent, type Reply } from '../support/gateway.ts';
import { until } from '../support/until.ts';
import { config, openStage, type Stage } from './stage.ts';
import { host, token } from './wire.ts';

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Sends so many requests a second for so long, without waiting for answers; gives what came back. */
async function steadily(perSecond: number, seconds: number, send: () => Promise<Sent>): Promise<Sent[]> {
  const started = performance.now();
  const sent: Promise<Sent>[] = [];
  while (performance.now() - started < seconds * 1_000) {
    const due = ((performance.now() - started) / 1_000) * perSecond;
    while (sent.length < due) sent.push(send());
    await pause(5);
  }
  return Promise.all(sent);
}

interface Sent {
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly ms: number;
}

/** A storefront with connections of its own, which it keeps. */
function sender(port: number, name: string): () => Promise<Sent> {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  return () =>
    new Promise((resolve, reject) => {
      const started = performance.now();
      const body = JSON.stringify({ events: [layersEvent()] });
      const headers = { 'x-storefront-access-token': name, 'content-length': Buffer.byteLength(body) };
      request({ port, host: '127.0.0.1', method: 'POST', path: '/beacon', headers, agent }, (response) => {
        response.resume().on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            retryAfter: response.headers['retry-after'],
            ms: performance.now() - started,
          }),
        );
      })
        .on('error', reject)
        .end(body);
    });
}

const p99 = (all: readonly Sent[]) => all.map(({ ms }) => ms).sort((a, b) => a - b)[Math.floor(all.length * 0.99)] ?? 0;

describe('a flood with a token that anyone can read', ({ it, before, after }) => {
  const limit = 100;
  let stage: Stage;
  before(async () => {
    stage = await openStage(config, { RATE_PER_TOKEN: String(limit), RATE_PER_SHOP: '0' });
  });
  after(() => stage.stop());

  it(
    'of twenty times the limit costs the other shop nothing',
    async () => {
      const other = sender(stage.port, 'other-token');
      await steadily(50, 0.5, other);
      const alone = await steadily(50, 2, other);
      const started = performance.now();
      const [flood, beside] = await Promise.all([
        steadily(limit * 20, 3, sender(stage.port, 'demo-token')),
        steadily(50, 3, other),
      ]);
      assert.ok(flood.length > limit * 30, `only ${flood.length} requests were no flood`);
      assert.ok(
        [...alone, ...beside].every(({ status }) => status === 201),
        'the other shop was refused',
      );
      // 1.2 times as long is the aim. Here the flood, its victim and its target share two cores with whatever else runs.
      assert.ok(p99(beside) < Math.max(500, p99(alone) * 5), `p99 ${p99(beside)} ms, alone ${p99(alone)} ms`);

      const seconds = (performance.now() - started) / 1_000;
      const accepted = flood.filter(({ status }) => status === 201).length;
      // A burst of two seconds, and then the rate.
      assert.ok(accepted <= limit * (2 + seconds) + 1, `${accepted} were taken in ${seconds} s`);
      assert.ok(accepted >= limit * 3, `only ${accepted} were taken`);
      for (const { status, retryAfter } of flood.filter(({ status }) => status !== 201))
        assert.equal([status, retryAfter], [429, '1']);
    },
    { timeoutMs: 60_000 },
  );

  it('is refused in the words of the contract, before the body is read, and over all that name the shop alone', async () => {
    const own = await openStage(
      'shops: [{ shop: demo.myshopify.com, tokens: [t], glood: { allowShopHeaderOnly: true } }]',
      { RATE_PER_SHOP: '1', RATE_PER_TOKEN: '0' },
    );
    const anybody: Call = { headers: { authorization: '' } };
    const replies: Reply[] = [];
    for (let i = 0; i < 3; i += 1) replies.push(await glood(own.port, { event: { id: 'x' } }, anybody));
    assert.equal(
      replies.map(({ status }) => status),
      [400, 400, 429],
    );
    assert.is(JSON.parse(replies[2]?.body ?? '').error, 429);
    const large = await beacon(own.port, [], { headers: { 'x-storefront-access-token': 't' }, body: 'x'.repeat(9e6) });
    assert.is(large.status, 429, 'and not 413');
    await own.stop();
  });
});

/** Connections that keep something back for ever. */
const holders: Readonly<Record<string, { head: string; drip?: string }>> = {
  'say nothing': { head: '' },
  'stop within their headers': { head: 'POST /beacon HTTP/1.1\r\nHost: x\r\nX-A' },
  'send their headers a letter at a time': { head: 'POST /beacon HTTP/1.1\r\nX: ', drip: 'a' },
  'stop within their body': { head: `POST /beacon HTTP/1.1\r\n${host}\r\n${token}\r\nContent-Length: 1000\r\n\r\n{` },
  'send their body a letter at a time': {
    head: `POST /beacon HTTP/1.1\r\n${host}\r\n${token}\r\nContent-Length: 1000\r\n\r\n`,
    drip: ' ',
  },
  'stop between two chunks': {
    head: `POST /beacon HTTP/1.1\r\n${host}\r\n${token}\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n`,
  },
  'send their chunks a letter at a time': {
    head: `POST /beacon HTTP/1.1\r\n${host}\r\n${token}\r\nTransfer-Encoding: chunked\r\n\r\n`,
    drip: '1\r\n \r\n',
  },
};

describe('a thousand connections that are slow on purpose', ({ it, before, after }) => {
  let stage: Stage;
  before(async () => {
    stage = await openStage(config, { HEADERS_TIMEOUT_SECONDS: '2', REQUEST_TIMEOUT_SECONDS: '3' });
  });
  after(() => stage.stop());

  it(
    'are all gone when they are due, and nobody waits for them',
    async () => {
      const kinds = Object.values(holders);
      const open = new Set<Socket>();
      for (let i = 0; i < 1_000; i += 1) {
        const kind = kinds[i % kinds.length]!;
        const socket = connect(stage.port, '127.0.0.1', () => socket.write(kind.head));
        const drip = setInterval(() => kind.drip && socket.writable && socket.write(kind.drip), 500);
        open.add(socket);
        socket.on('error', () => {});
        socket.resume().on('close', () => {
          clearInterval(drip);
          open.delete(socket);
        });
      }
      const shopper = sender(stage.port, 'other-token');
      const served = await steadily(50, 2, shopper);
      assert.ok(served.every(({ status }) => status === 201));
      assert.ok(p99(served) < 1_500, `p99 ${p99(served)} ms`);
      await until(() => open.size === 0, 15_000);
      assert.is((await shopper()).status, 201);
    },
    { timeoutMs: 60_000 },
  );
});
