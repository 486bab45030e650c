import * as assert from 'uvu/assert';
import { createUpstream } from '../../../../server/ingest/side-calls/upstream.ts';
import { describe } from '../../../support/describe.ts';
import { configOf, SHOP } from '../../../support/gateway.ts';
import { openSink, type Sink } from '../../../support/sink.ts';
import { until } from '../../../support/until.ts';

const path = '/api/storefront/v3/headless/init';

describe('an upstream', ({ it, before, after }) => {
  let sink: Sink;
  before(async () => {
    sink = await openSink();
  });
  after(() => sink.close());

  const upstream = (timeoutSeconds = 3) => {
    let now = 0;
    const failures: string[] = [];
    const stopping = new AbortController();
    const { ask } = createUpstream({
      now: () => now,
      onFailed: (_name, reason) => failures.push(reason),
      stopping: stopping.signal,
      timeoutSeconds,
    });
    const server = { name: 'Here', url: `http://127.0.0.1:${sink.port}${path}`, allowPrivateNetworks: true };
    return {
      failures,
      stopping,
      later: (ms: number) => {
        now += ms;
      },
      ask: (more: object = {}) =>
        ask({ ...server, ...more }, { body: '{}', headers: {}, accepts: (answer) => answer === 'yes' }),
    };
  };

  const failing: readonly (readonly [string, Parameters<Sink['behave']>[0], RegExp, timeoutSeconds?: number])[] = [
    ['an error', { kind: 'answer', status: 503 }, /^HTTP 503$/],
    ['a refusal', { kind: 'answer', status: 401 }, /^HTTP 401$/],
    ['a redirect, which is not followed', { kind: 'redirect', status: 302, to: '/elsewhere' }, /^HTTP 302$/],
    ['an answer that is none', { kind: 'answer', status: 200, body: 'no' }, /an answer that is none/],
    ['an endless answer', { kind: 'endless', status: 200 }, /262144 bytes and more/],
    ['a broken connection', { kind: 'reset' }, /ECONNRESET|hang up/],
    ['half an answer', { kind: 'reset mid-answer', status: 200 }, /premature|aborted|hang up/i],
    ['one byte a second', { kind: 'drip', status: 200 }, /within 1\.2 s/, 1.2],
    ['nothing', { kind: 'hang' }, /within 1\.2 s/, 1.2],
  ];
  for (const [what, behaviour, reason, timeoutSeconds] of failing) {
    it(`gives nothing after ${what}, says so once, and asks again after 10 s`, async () => {
      const { ask, failures, later } = upstream(timeoutSeconds);
      sink.behave(behaviour);
      const before = sink.requests.length;
      assert.is(await ask(), undefined);
      assert.is(await ask(), undefined);
      assert.is(sink.requests.length, before + 1);
      assert.is(failures.length, 1);
      assert.match(failures[0] ?? '', reason);
      assert.not.match(failures[0] ?? '', /127\.0\.0\.1:|init/, 'no URL');
      later(10_000);
      sink.behave({ kind: 'answer', status: 200, body: 'yes' });
      assert.is(await ask(), 'yes');
    });
  }

  it('is asked by at most 32 at once; the others are answered here', async () => {
    const { ask, stopping, failures } = upstream();
    sink.behave({ kind: 'hang' });
    const before = sink.requests.length;
    const asking = Array.from({ length: 40 }, () => ask());
    await Promise.all(asking.slice(32));
    await until(() => sink.requests.length === before + 32);
    stopping.abort();
    assert.ok((await Promise.all(asking)).every((answer) => answer === undefined));
    assert.equal(failures, [], 'being stopped is no failure');
  });

  it('must be public, unless the shop says otherwise', async () => {
    const { ask, failures } = upstream();
    const before = sink.connections();
    assert.is(await ask({ allowPrivateNetworks: false }), undefined);
    assert.is(sink.connections(), before);
    assert.match(failures[0] ?? '', /https/);
  });

  const wrong: readonly (readonly [string, RegExp])[] = [
    ['http://storefront.glood.ai', /upstream \(line 1, column \d+\): must start with https:/],
    ['https://127.0.0.1', /upstream \(line 1, column \d+\): must have a public address/],
    ['https://storefront.glood.ai/api', /upstream \(line 1, column \d+\): must be a host alone/],
    ['https://storefront.glood.ai?x=1', /upstream \(line 1, column \d+\): must be a host alone/],
    ['storefront.glood.ai', /upstream \(line 1, column \d+\): must be an absolute URL/],
  ];
  for (const [url, says] of wrong) {
    it(`is a mistake of the configuration: ${url}`, () => {
      const config = `shops: [{ shop: ${SHOP}, tokens: [t], glood: { upstream: "${url}" } }]`;
      assert.throws(() => configOf(config), says);
    });
  }
});
