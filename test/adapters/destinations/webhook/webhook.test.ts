import { getEventListeners } from 'node:events';
import type { AddressInfo, LookupFunction } from 'node:net';
import { createServer } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { gzipSync } from 'node:zlib';
import * as assert from 'uvu/assert';
import type { Batch } from '../../../../adapters/destinations/destination.ts';
import { connectWebhook, webhook } from '../../../../adapters/destinations/webhook/webhook.ts';
import type { Outcome } from '../../../../adapters/outcome.ts';
import { version } from '../../../../adapters/version.ts';
import { destinationContract, settled } from '../../../contracts/destination.ts';
import { sampleBatch, testTools } from '../../../support/batch.ts';
import { describe } from '../../../support/describe.ts';
import { type Behaviour, openSink, type Sink } from '../../../support/sink.ts';
import { until } from '../../../support/until.ts';

const secret = `whsec_${Buffer.alloc(24, 7).toString('base64')}`;
const olderSecret = `whsec_${Buffer.alloc(32, 9).toString('base64')}`;

type Settings = Parameters<typeof connectWebhook>[0];
const settingsFor = (url: string, more: object = {}): Settings =>
  settled(webhook, { url, secret, allowPrivateNetworks: true, ...more }) as unknown as Settings;
const never = () => new AbortController().signal;

destinationContract({
  destination: webhook,
  async open() {
    const sink = await openSink();
    let failing = false;
    const arrived: number[] = [];
    sink.behave((_, before) => {
      if (failing) return { kind: 'answer', status: 503, body: 'not now' };
      arrived.push(before);
      return { kind: 'answer', status: 204 };
    });
    return {
      settings: { url: sink.url, secret, headers: { 'x-api-key': 'key-of-the-receiver' }, allowPrivateNetworks: true },
      arrived: () => arrived.flatMap((index) => JSON.parse(sink.requests[index]!.body).data.events),
      fail() {
        failing = true;
      },
      mend() {
        failing = false;
      },
      async hang() {
        const before = sink.requests.length;
        sink.behave({ kind: 'hang' });
        await until(() => sink.requests.length > before);
      },
      close: () => sink.close(),
    };
  },
  mistakes: [
    { settings: { url: 'http://example.com', secret }, tells: /url: must start with https:, got http:/ },
    { settings: { url: 'example.com', secret }, tells: /url: must be an absolute URL/ },
    { settings: { url: 'ftp://example.com', secret, allowPrivateNetworks: true }, tells: /https: or http:, got ftp:/ },
    { settings: { url: 'https://me:pw@example.com', secret }, tells: /no user name or password/ },
    { settings: { url: 'https://example.com:22', secret }, tells: /port 443 or 8443, got 22/ },
    {
      settings: { url: 'https://10.0.0.1', secret },
      tells: /got 10\.0\.0\.1 \(private\).*allowPrivateNetworks: true/,
    },
    { settings: { url: 'https://localhost', secret }, tells: /public host, got localhost/ },
    {
      settings: { url: 'https://example.com', secret: 'hush' },
      tells: /secret: .*without whsec_; copy it whole .*or make one/,
    },
    { settings: { url: 'https://example.com', secret: 'whsec_AAAA' }, tells: /secret: .*got 3 bytes/ },
    { settings: { url: 'https://example.com', secret: 'whsec_?' }, tells: /not base64/ },
    {
      settings: { url: 'https://example.com', secret: `whsec_${Buffer.alloc(65).toString('base64')}` },
      tells: /got 65 bytes/,
    },
    { settings: { url: 'https://example.com', secret, previousSecret: 'x' }, tells: /^previousSecret: / },
    { settings: { url: 'https://example.com', secret, headers: { Host: 'a' } }, tells: /headers\.Host: .*remove it/ },
    { settings: { url: 'https://example.com', secret, headers: { 'Webhook-Id': 'a' } }, tells: /Webhook-Id/ },
    { settings: { url: 'https://example.com', secret, headers: { 'a b': 'c' } }, tells: /that HTTP allows/ },
    { settings: { url: 'https://example.com', secret, headers: { a: 'c\r\nd: e' } }, tells: /that HTTP allows/ },
  ],
});

describe('webhook', ({ it, beforeEach, afterEach }) => {
  let sink: Sink;
  beforeEach(async () => {
    sink = await openSink();
  });
  afterEach(() => sink.close());

  const sendWith = async (more: object, batch: Batch = sampleBatch(2)): Promise<Outcome> => {
    const sender = connectWebhook(settingsFor(sink.url, more), testTools());
    try {
      const outcomes = await sender.send(batch, never());
      assert.is(outcomes.length, batch.events.length);
      return outcomes[0]!;
    } finally {
      await sender.close?.();
    }
  };
  const answered = (behaviour: Behaviour, more: object = {}): Promise<Outcome> => {
    sink.behave(behaviour);
    return sendWith(more, sampleBatch(1));
  };

  it('sends the body and the headers of the contract', async () => {
    const batch = sampleBatch(2);
    assert.equal(await sendWith({ headers: { Authorization: 'Bearer abc' } }, batch), {
      kind: 'delivered',
      status: 'HTTP 200',
    });
    const [request] = sink.requests;
    assert.is(request!.method, 'POST');
    assert.is(request!.path, '/hooks');
    assert.is(request!.headers['content-type'], 'application/json');
    assert.is(request!.headers['content-length'], String(Buffer.byteLength(request!.body)));
    assert.is(request!.headers['user-agent'], `headless-events/${version()}`);
    assert.is(request!.headers['webhook-id'], batch.id);
    assert.is(request!.headers.authorization, 'Bearer abc');
    assert.match(version(), /^\d+\.\d+\.\d+/);
    assert.equal(JSON.parse(request!.body), {
      type: 'storefront.events',
      timestamp: '2026-03-01T12:00:01.000Z',
      data: { shop: batch.shop, pipeline: batch.pipeline, events: batch.events.map(({ event }) => event) },
    });
  });

  it('signs so that the Standard Webhooks package accepts it, and only with the right secret', async () => {
    await sendWith({});
    sink.verify(secret);
    assert.throws(() => sink.verify(olderSecret), /No matching signature/);
  });

  it('signs with both secrets while they are being exchanged', async () => {
    await sendWith({ previousSecret: olderSecret });
    assert.match(sink.requests[0]!.headers['webhook-signature']!, /^v1,\S+ v1,\S+$/);
    sink.verify(secret);
    sink.verify(olderSecret);
  });

  it('repeats a batch with the same id and the same bytes, at its own time and over the same connection', async () => {
    let now = Date.now() - 60_000;
    const sender = connectWebhook(settingsFor(sink.url), { ...testTools(), now: () => now });
    for (let attempt = 0; attempt < 5; attempt += 1) {
      await sender.send(sampleBatch(3), never());
      now += 10_000;
    }
    await sender.close?.();
    assert.is(new Set(sink.requests.map(({ body }) => body)).size, 1);
    assert.is(new Set(sink.requests.map(({ headers }) => headers['webhook-id'])).size, 1);
    assert.is(new Set(sink.requests.map(({ headers }) => headers['webhook-timestamp'])).size, 5);
    assert.is(sink.connections(), 1);
    sink.verify(secret);
  });

  const byStatus: Record<Outcome['kind'], readonly number[]> = {
    delivered: [200, 201, 202, 204, 299],
    rejected: [400, 413, 422],
    gone: [410],
    retry: [300, 301, 304, 307, 401, 402, 403, 404, 405, 408, 409, 418, 421, 425, 429, 451, 500, 502, 503, 504, 599],
  };
  for (const [kind, statuses] of Object.entries(byStatus))
    it(`gives ${kind} for ${statuses.join(', ')}`, async () => {
      for (const status of statuses) {
        const outcome = await answered({ kind: 'answer', status });
        assert.is(outcome.kind, kind, String(status));
        assert.match('reason' in outcome ? outcome.reason : outcome.status!, new RegExp(`^HTTP ${status}`));
      }
    });

  it('takes a refusal of several events for a failure of the batch, which may be split', async () => {
    for (const status of [400, 413, 422]) {
      sink.behave({ kind: 'answer', status });
      const outcome = await sendWith({}, sampleBatch(2));
      assert.equal([outcome.kind, 'answered' in outcome && outcome.answered], ['retry', true], String(status));
    }
  });

  it('says of an answer that it was one, and of silence that it was none', async () => {
    const answer = await answered({ kind: 'answer', status: 503 });
    assert.is('answered' in answer && answer.answered, true);
    const silence = await answered({ kind: 'reset' });
    assert.equal([silence.kind, 'answered' in silence], ['retry', false]);
  });

  it('says what to mend where the set-up is wrong', async () => {
    const reason = async (status: number) => reasonOf(await answered({ kind: 'answer', status }));
    assert.match(await reason(401), /check the secret and the headers/);
    assert.match(await reason(403), /check the secret and the headers/);
    assert.match(await reason(404), /check the path of the url/);
    assert.match(await reason(418), /check the url/);
  });

  it('waits as long as Retry-After asks, within a day', async () => {
    const after = async (status: number, value: string) => {
      const outcome = await answered({ kind: 'answer', status, headers: { 'retry-after': value } });
      return outcome.kind === 'retry' ? outcome.afterMs : undefined;
    };
    assert.is(await after(503, '120'), 120_000);
    assert.is(await after(429, '999999999'), 86_400_000);
    assert.is(await after(429, '0'), 1_000);
    assert.is(await after(500, 'whenever'), undefined);
    const dated = await after(503, new Date(Date.now() + 60_000).toUTCString());
    assert.ok(dated! > 50_000 && dated! <= 60_000, String(dated));
  });

  it('repeats at most 200 characters of a refusal, without control characters', async () => {
    const body = `no:\u0000\u001b[31m\r\n  field "a"\u202e ${'x'.repeat(5_000)}`;
    const reason = reasonOf(await answered({ kind: 'answer', status: 422, body }));
    assert.match(reason, /^HTTP 422: no: \[31m field "a" x+$/);
    assert.is(reason.length, 'HTTP 422: '.length + 200);
  });

  it('blacks out secrets that an answer throws back', async () => {
    const headers = { authorization: 'Bearer token-0123456789', 'x-key': 'k-9876543210' };
    sink.behave((request) => ({
      kind: 'answer',
      status: 400,
      body: `${request.headers.authorization} ${request.headers['x-key']} ${request.path} token-0123456789 ${secret.slice(6)}`,
    }));
    const sender = connectWebhook(settingsFor(`${sink.url}?token=url-token-4711`, { headers }), testTools());
    const reason = reasonOf((await sender.send(sampleBatch(1), never()))[0]!);
    await sender.close?.();
    assert.not.match(reason, /0123456789|9876543210|4711|BwcH/);
    assert.match(reason, /^HTTP 400: \*\*\*/);
  });

  it("blacks out the tokens of the url's path", async () => {
    const url = `${sink.url}/T0/path-token-4711`;
    const said = async (behaviour: Behaviour) => {
      sink.behave(behaviour);
      const sender = connectWebhook(settingsFor(url), testTools());
      const reason = reasonOf((await sender.send(sampleBatch(1), never()))[0]!);
      await sender.close?.();
      assert.not.match(reason, /4711/);
      return reason;
    };
    const body = 'Cannot POST /hooks/T0/path-token-4711, no path-token-4711';
    assert.match(await said({ kind: 'answer', status: 404, body }), /: Cannot POST \*\*\*, no \*\*\*$/);
    const to = `${url}/`;
    assert.match(await said({ kind: 'redirect', status: 308, to }), /points to http:\/\/127\.0\.0\.1:\d+\*\*\*\/;/);
  });

  it('says in one line that a server does not speak TLS', async () => {
    const reason = reasonOf(await sendWith({ url: sink.url.replace('http:', 'https:') }));
    assert.match(reason, /wrong version number/);
    assert.not.match(reason, /\n/);
  });

  it('does not follow a redirect, and says without credentials where it points', async () => {
    const other = await openSink();
    const to = `http://user:pw@127.0.0.1:${other.port}/elsewhere?token=t0k3n#frag`;
    const reason = reasonOf(await answered({ kind: 'redirect', status: 307, to }));
    assert.match(reason, /^HTTP 307 points to http:\/\/127\.0\.0\.1:\d+\/elsewhere; .*set the url/);
    assert.not.match(reason, /user|pw|t0k3n|frag/);
    assert.match(reasonOf(await answered({ kind: 'redirect', status: 301, to: '/next?a=b' })), /points to \/next;/);
    const sideways = { kind: 'redirect', status: 302, to: '//169.254.169.254/latest?a=b' } as const;
    assert.match(reasonOf(await answered(sideways)), /points to \/\/169\.254\.169\.254\/latest;/);
    assert.match(reasonOf(await answered({ kind: 'redirect', status: 301, to: 'http://[' })), /an unreadable address/);
    assert.is(other.connections(), 0);
    await other.close();
  });

  const silent: Record<string, Behaviour> = {
    'never answers': { kind: 'hang' },
    'answers one byte a second': { kind: 'drip', status: 200 },
    'answers too late': { kind: 'delay', ms: 5_000, next: { kind: 'answer', status: 200 } },
  };
  for (const [what, behaviour] of Object.entries(silent))
    it(`tries again when the receiver ${what}, and lets go of the connection`, async () => {
      sink.behave(behaviour);
      const sender = connectWebhook(settingsFor(sink.url, { timeoutSeconds: 0.3 }), testTools());
      const started = performance.now();
      const [outcome] = await sender.send(sampleBatch(1), never());
      assert.ok(performance.now() - started < 1_500, 'it held on for too long');
      assert.equal(outcome, { kind: 'retry', reason: 'no complete answer within 0.3 s' });
      await until(() => sink.open() === 0);
      await sender.close?.();
    });

  it('waits for an answer that comes in time', async () => {
    const next: Behaviour = { kind: 'answer', status: 200 };
    assert.is((await answered({ kind: 'delay', ms: 200, next }, { timeoutSeconds: 5 })).kind, 'delivered');
  });

  const cut: Record<string, Behaviour> = {
    'after the request': { kind: 'reset' },
    'in the middle of an answer': { kind: 'reset mid-answer', status: 200 },
    'in the middle of an answer in chunks': { kind: 'reset mid-answer', status: 200, chunked: true },
  };
  for (const [when, behaviour] of Object.entries(cut))
    it(`tries again when the connection breaks ${when}`, async () => {
      const outcome = await answered(behaviour);
      assert.is(outcome.kind, 'retry');
      assert.ok(reasonOf(outcome).length > 5);
      assert.not.match(reasonOf(outcome), /hooks/);
    });

  it('tries again when nobody listens, and when what listens does not speak HTTP', async () => {
    const port = sink.port;
    await sink.close();
    assert.match(reasonOf(await sendWith({})), /ECONNREFUSED/);
    const babbler = createServer((socket) => void socket.end('SSH-2.0-OpenSSH\r\n'))
      .listen(port, '127.0.0.1')
      .unref();
    await until(() => babbler.listening);
    assert.match(reasonOf(await sendWith({})), /Parse Error/);
    babbler.close();
    sink = await openSink();
  });

  it('survives answers that break the rules of HTTP', async () => {
    const wrong = [
      'HTTP/1.1 000 Nothing\r\n\r\n',
      'HTTP/1.1 999 Too much\r\ncontent-length: 0\r\n\r\n',
      'HTTP/1.1 20 Short\r\n\r\n',
      'HTTP/1.1 200000 Long\r\n\r\n',
      'HTTP/9.9 200 OK\r\n\r\n',
      'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n',
      'HTTP/1.1 103 Early Hints\r\nlink: <a>\r\n\r\n'.repeat(1_000),
      'HTTP/1.1 500 No\r\ncontent-length: -1\r\n\r\n',
      'HTTP/1.1 500 No\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello',
      'HTTP/1.1 500 No\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
      'HTTP/1.1 500 No\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffffffff\r\n',
      'HTTP/1.1 500 No\r\ntransfer-encoding: chunked\r\n\r\n0\r\ntrailer: x\r\n\r\n',
      'HTTP/1.1 302 Found\r\nlocation: \xff\xfe://\x01[\r\ncontent-length: 0\r\n\r\n',
      'HTTP/1.1 302 Found\r\nlocation: http://a:b@c/\r\nlocation: javascript:x\r\ncontent-length: 0\r\n\r\n',
      'HTTP/1.1 503 No\r\nretry-after: \x00\r\nset-cookie: \xe9\r\ncontent-length: 0\r\n\r\n',
      'HTTP/1.1 500 \xff\xff\r\n folded: yes\r\n\tmore\r\ncontent-length: 0\r\n\r\n',
      'HTTP/1.1 500 No\r\ncontent-encoding: gzip\r\ncontent-length: 3\r\n\r\n\x1f\x8b\x08',
      '\x16\x03\x01\x00\x05hello',
      '\r\n\r\n\r\n',
      '',
    ];
    let next = '';
    const rude = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => socket.end(next, 'latin1'));
    }).unref();
    await new Promise<void>((resolve) => rude.listen(0, '127.0.0.1', resolve));
    const { port } = rude.address() as AddressInfo;
    const sender = connectWebhook(settingsFor(`http://127.0.0.1:${port}/`, { timeoutSeconds: 2 }), testTools());
    for (next of wrong) {
      const [outcome] = await sender.send(sampleBatch(1), never());
      assert.is(outcome!.kind, 'retry', next);
      assert.not.match(reasonOf(outcome!), /\p{Cc}|a:b@/u, next);
    }
    await sender.close?.();
    rude.close();
  });

  it('tries again when an answer has more headers than anyone needs', async () => {
    const headers = Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`x-${index}`, 'y'.repeat(1_000)]));
    assert.match(reasonOf(await answered({ kind: 'answer', status: 200, headers })), /overflow/i);
  });

  it('asks for no compression and inflates nothing, so that a bomb stays small', async () => {
    const body = gzipSync('inflated '.repeat(1_000_000));
    const outcome = await answered({ kind: 'answer', status: 400, headers: { 'content-encoding': 'gzip' }, body });
    assert.match(reasonOf(outcome), /^HTTP 400: ./);
    assert.not.match(reasonOf(outcome), /inflated/);
    assert.is(sink.requests[0]!.headers['accept-encoding'], undefined);
  });

  it('stops reading an answer without end, and keeps none of it', async () => {
    sink.behave({ kind: 'endless', status: 500 });
    const sender = connectWebhook(settingsFor(sink.url), testTools());
    await sender.send(sampleBatch(1), never());
    const before = usedBytes();
    for (let round = 0; round < 100; round += 1) {
      const [outcome] = await sender.send(sampleBatch(1), never());
      assert.match(reasonOf(outcome!), /^HTTP 500: x{200}$/);
    }
    // Sockets are collected some turns after they were destroyed.
    await until(() => sink.open() === 0 && usedBytes() - before < 1_000_000);
    await sender.close?.();
    // What fits into the buffers of the two sockets may have left the receiver, and no more.

    assert.ok(sink.bytesSent() / 101 < 20_000_000, `${sink.bytesSent() / 101} bytes sent per answer`);
  });

  it('stops at once on a signal, wherever it is, and does not call that an attempt', async () => {
    for (const behaviour of [silent['never answers']!, silent['answers one byte a second']!]) {
      sink.behave(behaviour);
      const sender = connectWebhook(settingsFor(sink.url), testTools());
      const stop = new AbortController();
      const sent = sender.send(sampleBatch(2), stop.signal);
      const before = sink.requests.length;
      await until(() => sink.requests.length > before);
      const started = performance.now();
      stop.abort();
      assert.equal(await sent, [stopped, stopped]);
      assert.ok(performance.now() - started < 200);
      await sender.close?.();
    }
  });

  it('leaves no listener behind on a signal that lives long', async () => {
    const signal = never();
    const sender = connectWebhook(settingsFor(sink.url), testTools());
    for (let round = 0; round < 20; round += 1) await sender.send(sampleBatch(1), signal);
    await sender.close?.();
    assert.is(getEventListeners(signal, 'abort').length, 0);
  });

  it('leaves no timer behind that would hold up the end of the process', async () => {
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const before = timers();
    await sendWith({ timeoutSeconds: 60 });
    assert.is(timers(), before);
  });

  it('tries again when the name is unknown, and when the name server does not answer', async () => {
    const unknown: LookupFunction = (host, _, done) =>
      done(Object.assign(new Error(`getaddrinfo ENOTFOUND ${host}`), { code: 'ENOTFOUND' }), '', 0);
    const lookups: [LookupFunction, RegExp][] = [
      [unknown, /^getaddrinfo ENOTFOUND hooks\.example\.com$/],
      [() => undefined, /^no complete answer within 0\.2 s$/],
    ];
    for (const [lookup, expected] of lookups) {
      const chosen = settingsFor('https://hooks.example.com/x?token=abc', {
        timeoutSeconds: 0.2,
        allowPrivateNetworks: false,
      });
      const sender = connectWebhook(chosen, testTools(), { lookup });
      assert.match(reasonOf((await sender.send(sampleBatch(1), never()))[0]!), expected);
      await sender.close?.();
    }
  });
});

const stopped: Outcome = { kind: 'retry', reason: 'stopped' };
const reasonOf = (outcome: Outcome): string => ('reason' in outcome ? outcome.reason : `no reason: ${outcome.kind}`);

function usedBytes(): number {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
