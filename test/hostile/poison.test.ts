import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Webhook } from 'standardwebhooks';
import * as assert from 'uvu/assert';
import type { Clock } from '../../server/base/clock.ts';
import type { Gateway } from '../../server/process/gateway.ts';
import { TestClock } from '../support/clock.ts';
import { describe } from '../support/describe.ts';
import { temporaryFolder } from '../support/folder.ts';
import { beacon, call, gatewayWith, glood, layersEvent, SHOP } from '../support/gateway.ts';
import { openSink, type Sink } from '../support/sink.ts';
import { until } from '../support/until.ts';

const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const base = { event_type: 'search', timestamp: '2026-06-01T12:00:00Z', session_id: 's' };
const json = (id: string, fields: string) =>
  `{${JSON.stringify({ ...base, event_id: id }).slice(1, -1)},"query":"q",${fields}}`;

/** Events that parsers, encoders and destinations have been known to stumble over, as JSON text. */
const odd: Readonly<Record<string, string>> = {
  'half a surrogate pair in a key': '"contextual_data":{"\\ud800":1}',
  'half a surrogate pair in a value': '"contextual_data":{"a":"\\udc00x"}',
  'a zero byte': '"contextual_data":{"a":"\\u0000"}',
  'line separators': '"contextual_data":{"a":"\\u2028\\u2029"}',
  'a price beyond every number': '"contextual_data":{"price":1e400}',
  'a price that is hardly one': '"contextual_data":{"price":1e-400}',
  'minus nothing': '"contextual_data":{"price":-0}',
  'a number with 400 digits': `"contextual_data":{"n":${'9'.repeat(400)}}`,
  'an empty key': '"contextual_data":{"":{"":{"":1}}}',
  'the same key twice': '"contextual_data":{"a":1,"a":2}',
  'keys of every object': '"contextual_data":{"constructor":1,"toString":2,"then":3,"toJSON":4,"length":5}',
  'numbers for keys': '"contextual_data":{"4294967295":1,"-1":2,"1e3":3}',
  'text that looks like markup': '"contextual_data":{"a":"</script><img src=x onerror=alert(1)>"}',
  'text that looks like a formula': '"contextual_data":{"a":"=cmd|/c calc"}',
  'letters that run from right to left': '"contextual_data":{"a":"\\u202egnp.exe"}',
  'a family in one character': '"contextual_data":{"a":"👩‍👩‍👧‍👦"}',
  'thirty levels': `"contextual_data":${'{"a":'.repeat(30)}1${'}'.repeat(30)}`,
  'a customer by a number beyond 2^53, as text': '"customer_id":"9007199254740993"',
};

/** Times that clocks of shoppers are known to show. */
const times: readonly unknown[] = [
  '1970-01-01T00:00:00Z',
  '9999-12-31T23:59:59Z',
  '+275760-09-13T00:00:00.000Z',
  '-000001-01-01T00:00:00Z',
  '2038-01-19T03:14:08Z',
  '2016-12-31T23:59:60Z',
  '2026-02-30T12:00:00Z',
  '2026-06-01 14:30',
  'June 1, 2026',
  'Mon, 01 Jun 2026 12:00:00 GMT',
  '2026-06-01T12:00:00+14:00',
  1780315150250,
  8.64e15,
  '',
  'yesterday',
  1780315150,
  0,
  -1,
  null,
  true,
  {},
];

describe('an event to stumble over', ({ it, before, after }) => {
  const folder = temporaryFolder();
  let sink: Sink;
  let gateway: Gateway;
  before(async () => {
    sink = await openSink();
    gateway = await gatewayWith(
      `
shops:
  - shop: ${SHOP}
    tokens: [demo-token]
    pipelines:
      - { id: archive, destination: { type: file, directory: "${join(folder.path, 'archive')}" } }
      - id: hook
        destination: { type: webhook, url: "${sink.url}", secret: "${secret}", allowPrivateNetworks: true }`,
      { LOG_URL: `lmdb:${folder.path}/log` },
    );
  });
  after(async () => {
    await gateway.stop();
    await sink.close();
    folder.remove();
  });
  const readiness = async () => JSON.parse((await call(gateway.port, { method: 'GET', path: '/readyz' })).body);
  const settled = () =>
    until(async () => (await readiness()).pipelines.every(({ pending }: { pending: number }) => pending === 0));

  it('is stored and delivered like any other, or refused: none stands in the way of the next', async () => {
    const ids: string[] = [];
    for (const [what, fields] of Object.entries(odd)) {
      const id = `odd ${what}`;
      const reply = await beacon(gateway.port, [], { body: `{"events":[${json(id, fields)}]}` });
      assert.is(reply.status, 201, what);
      if (reply.headers['x-events-accepted'] === '1') ids.push(id);
    }
    assert.ok(ids.length >= Object.keys(odd).length - 2, `only ${ids.length} were accepted`);
    await beacon(gateway.port, [layersEvent({ event_id: 'odd and the next' })]);
    await settled();
    const sent = sink.events().map(({ event_id }) => event_id);
    assert.equal(sent.filter((id) => id.startsWith('odd ')).sort(), [...ids, 'odd and the next'].sort());
    sink.verify(secret);
    const archive = join(folder.path, 'archive', SHOP);
    const lines = readdirSync(archive).flatMap((name) => readFileSync(join(archive, name), 'utf8').trim().split('\n'));
    assert.is(lines.filter((line) => JSON.parse(line).event_id.startsWith('odd ')).length, ids.length + 1);
    assert.is((await readiness()).balanced, true);
  });

  it('keeps ids that no number can hold, to the last digit', async () => {
    const product = '18446744073709551615';
    await beacon(gateway.port, [layersEvent({ event_id: 'big', product_id: product })]);
    await glood(gateway.port, {
      event: { id: 'big-gid', name: 'product_viewed', data: { productVariant: { product: { id: product } } } },
      session_id: 's',
    });
    for (const id of ['big', 'big-gid'])
      assert.is((await until(() => sink.events().find(({ event_id }) => event_id === id))).product_id, product);
    const before = '"event_type":"product_view","timestamp":"2026-06-01","session_id":"s"';
    await beacon(gateway.port, [], {
      body: `{"events":[{"event_id":"big-number",${before},"product_id":${product}}]}`,
    });
    const asNumber = await until(() => sink.events().find(({ event_id }) => event_id === 'big-number'));
    assert.is(asNumber.product_id, product, 'a JSON number is not rounded');
  });

  it('with a clock that is wrong keeps its place in the order of arrival, or is refused', async () => {
    const accepted: string[] = [];
    for (const [at, timestamp] of times.entries()) {
      const reply = await beacon(gateway.port, [layersEvent({ event_id: `time-${at}`, timestamp })]);
      assert.is(reply.status, 201);
      if (reply.headers['x-events-accepted'] === '1') accepted.push(`time-${at}`);
    }
    await settled();
    const sent = sink.events().filter(({ event_id }) => event_id.startsWith('time-'));
    assert.equal(
      sent.map(({ event_id }) => event_id),
      accepted,
    );
    assert.ok(accepted.length >= 11 && accepted.length < times.length, `${accepted.length} were accepted`);
    for (const { timestamp, received_at } of sent) {
      assert.is(new Date(timestamp).toISOString(), timestamp);
      assert.ok(Math.abs(Date.parse(received_at) - Date.now()) < 60_000, 'the time of receipt is ours');
    }
  });
});

const bound = (clock: TestClock): Clock => ({
  now: () => clock.now(),
  steady: () => clock.steady(),
  sleep: (ms, signal) => clock.sleep(ms, signal),
});

describe('an event that comes again', ({ it }) => {
  it('is known for a day, on a clock that also jumps back', async () => {
    const folder = temporaryFolder();
    const clock = new TestClock();
    const gateway = await gatewayWith(
      `shops: [{ shop: ${SHOP}, tokens: [demo-token] }]`,
      { LOG_URL: `lmdb:${folder.path}/log`, DEDUP_HOURS: '24' },
      { clock: bound(clock) },
    );
    const ids = Array.from({ length: 50 }, (_, i) => ({ ...layersEvent(), event_id: `again-${i}` }));
    const duplicates = async () => Number((await beacon(gateway.port, ids)).headers['x-events-duplicate']);
    assert.is(await duplicates(), 0);
    for (const ms of [1_000, 3_600_000, 3 * 3_600_000]) {
      await clock.advance(ms);
      assert.is(await duplicates(), 50, `after ${ms} ms`);
    }
    await gateway.stop();
    // Started again with an earlier clock than the log's.
    const earlier = new TestClock(Date.parse('2026-06-01T11:00:00Z'));
    const again = await gatewayWith(
      `shops: [{ shop: ${SHOP}, tokens: [demo-token] }]`,
      { LOG_URL: `lmdb:${folder.path}/log` },
      { clock: bound(earlier) },
    );
    assert.is((await beacon(again.port, ids)).headers['x-events-duplicate'], '50');
    await again.stop();
    folder.remove();
  });

  it('outbound is refused by any receiver that goes by the standard, six minutes later', async () => {
    const sink = await openSink();
    const gateway = await gatewayWith(`
shops:
  - shop: ${SHOP}
    tokens: [demo-token]
    pipelines:
      - id: hook
        destination: { type: webhook, url: "${sink.url}", secret: "${secret}", allowPrivateNetworks: true }`);
    await beacon(gateway.port, [layersEvent()]);
    const { body, headers } = await until(() => sink.requests[0]);
    await gateway.stop();
    await sink.close();
    const receiver = new Webhook(secret);
    assert.ok(receiver.verify(body, headers));
    const now = Date.now;
    Date.now = () => now() + 6 * 60_000;
    try {
      assert.throws(() => receiver.verify(body, headers), /too old/);
    } finally {
      Date.now = now;
    }
    const forged = { ...headers, 'webhook-timestamp': String(Number(headers['webhook-timestamp']) + 60) };
    assert.throws(() => receiver.verify(body, forged), /signature/i);
  });
});
