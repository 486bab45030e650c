import { get as httpGet, type IncomingMessage } from 'node:http';
import { gzipSync } from 'node:zlib';
import { Check } from 'typebox/value';
import * as assert from 'uvu/assert';
import type { TailLine } from '../../../schemas/admin-api/tail.ts';
import { type AdminCall, adminCalls } from '../../../server/admin/calls.ts';
import { BadOrder, Busy } from '../../../server/base/errors.ts';
import { openapi } from '../../../server/docs/openapi.ts';
import { ADMIN_TOKEN, type Admin, openAdmin } from '../../support/admin.ts';
import { TestClock } from '../../support/clock.ts';
import { describe } from '../../support/describe.ts';
import { examples } from '../../support/examples.ts';
import { deadOf, eventOf, jobOf, orderOf, quarantinedOf, receiptOf, SHOP } from '../../support/operations.ts';
import { countTurns } from '../../support/turns.ts';
import { until } from '../../support/until.ts';

type Headers = Readonly<Record<string, string>>;

interface Reply {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: answers differ, and the tests say what they expect.
  readonly json: any;
}

const bearer = (token = ADMIN_TOKEN): Headers => ({ authorization: `Bearer ${token}` });

async function ask(admin: Admin, path: string, body?: unknown, headers: Headers = bearer()): Promise<Reply> {
  const isText = typeof body === 'string';
  const response = await fetch(`${admin.url}${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
    ...(body !== undefined && { body: isText ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.startsWith('application/json') === true;
  const json = isJson && text !== '' ? JSON.parse(text) : undefined;
  return { status: response.status, headers: Object.fromEntries(response.headers), text, json };
}

describe('admin API', ({ it, beforeEach, afterEach }) => {
  let admin: Admin;
  let clock: TestClock;
  beforeEach(async () => {
    clock = new TestClock();
    admin = await openAdmin({ clock });
  });
  afterEach(() => admin.close());

  it('does not exist without a token of 32 characters', async () => {
    for (const token of [undefined, 'x'.repeat(31)]) {
      const none = await openAdmin({ token });
      const { status, json } = await ask(none, '/admin/pipelines', undefined, bearer(token));
      await none.close();
      assert.is(status, 404);
      assert.is(json.error, 'Nothing here.');
      assert.equal(none.operations.asked, []);
    }
  });

  it('answers a missing and a wrong token alike, and does nothing', async () => {
    const headers = [{}, bearer('nope'), { authorization: `Basic ${ADMIN_TOKEN}` }, { authorization: 'Bearer' }];
    const replies = [];
    for (const given of headers) replies.push(await ask(admin, '/admin/dead/discard', { all: true }, given));
    for (const { status, text, headers } of replies) {
      assert.is(status, 401);
      assert.is(text, replies[0]!.text);
      assert.is(headers['www-authenticate'], 'Bearer');
      assert.is(headers['cache-control'], 'no-store');
    }
    assert.is((await ask(admin, '/admin/no/such/path', undefined, {})).status, 401);
    assert.equal(admin.operations.asked, []);
  });

  it('judges the token before it reads the body', async () => {
    const { status } = await ask(admin, '/admin/dead/discard', 'x'.repeat(100_000), {});
    assert.is(status, 401);
  });

  it('takes the right token at any time, and slows down wrong ones after 10 of an address within a minute', async () => {
    const guess = () => ask(admin, '/admin/balance', undefined, bearer('no'));
    for (let i = 0; i < 10; i++) assert.is((await guess()).status, 401);
    await clock.advance(20_000);
    const locked = await guess();
    assert.is(locked.status, 429);
    assert.is(locked.headers['retry-after'], '40');
    assert.equal(admin.operations.asked, []);
    assert.is((await ask(admin, '/admin/balance')).status, 200);
    const lines = admin.logged().length;
    for (let i = 0; i < 200; i++) assert.is((await guess()).status, 429);
    assert.is(admin.logged().length, lines, 'a flood of wrong tokens leaves no lines');
    assert.is((await ask(admin, '/admin/balance')).status, 200);
    await clock.advance(40_000);
    assert.is((await guess()).status, 401);
  });

  it('counts per client address, an IPv6 network as one, and all of them together', async () => {
    const behind = await openAdmin({ clock, trustProxyHops: 1 });
    const from = async (address: string, token?: string) =>
      (await ask(behind, '/admin/balance', undefined, { ...bearer(token), 'x-forwarded-for': address })).status;
    for (let i = 0; i < 10; i++) assert.is(await from(`2001:db8::${i}`, 'wrong'), 401);
    assert.is(await from('2001:db8:0:0:ffff::1', 'wrong'), 429, 'the same network');
    assert.is(await from('2001:db8:0:0:ffff::1'), 200, 'the right token');
    assert.is(await from('2001:db8:0:1::1', 'wrong'), 401, 'the next network');
    for (let i = 0; i < 89; i++) assert.is(await from(`198.51.100.${i}`, 'wrong'), 401);
    assert.is(await from('192.0.2.1', 'wrong'), 429, 'after 100 of all addresses');
    assert.is(await from('192.0.2.1'), 200, 'the right token');
    await clock.advance(60_000);
    assert.is(await from('192.0.2.1', 'wrong'), 401);
    await behind.close();
  });

  it('leaves an audit line for refused logins and changes, for reads none, and never a token', async () => {
    await ask(admin, '/admin/pipelines', undefined, bearer('a-wrong-token'));
    await ask(admin, '/admin/pipelines');
    await ask(admin, '/admin/replays', { shop: SHOP, pipeline: 'archive', dry_run: true });
    await ask(admin, `/admin/pipelines/${SHOP}/archive/suspend`, { reason: 'upkeep' });
    await ask(admin, '/admin/dead/redrive', { shop: SHOP });
    await ask(admin, '/admin/replays/r-7/cancel', {});
    const audit = admin.logged().map(({ level, time, request_id, ...line }) => line);
    const who = { audit: true, address: '127.0.0.1', msg: 'admin' };
    assert.equal(audit, [
      { ...who, action: 'login', result: 'refused' },
      { ...who, action: 'suspendPipeline', shop: SHOP, pipeline: 'archive', reason: 'upkeep', result: { ok: true } },
      {
        ...who,
        action: 'redriveDead',
        shop: SHOP,
        result: { redriven: 0, job: orderOf({ of: 'dead', counts: { redriven: 0 } }) },
      },
      { ...who, action: 'cancelReplay', id: 'r-7', result: 'there is no replay r-7' },
    ]);
    assert.not.match(JSON.stringify(admin.logged()), /a-wrong-token|admin-token/);
  });

  it('lets no cache keep an answer and no page read it', async () => {
    const { headers } = await ask(admin, '/admin/pipelines', undefined, {
      ...bearer(),
      origin: 'https://evil.example',
    });
    assert.is(headers['cache-control'], 'no-store');
    assert.is(headers['x-content-type-options'], 'nosniff');
    assert.is(headers['access-control-allow-origin'], undefined);
    const preflight = await fetch(`${admin.url}/admin/dead/discard`, { method: 'OPTIONS' });
    assert.is(preflight.status, 401);
  });

  it('tells what happened to an event, whatever its id looks like', async () => {
    const event_id = 'gid://a b/ü?#%2F';
    admin.operations.known = [receiptOf({ event_id })];
    const { status, json } = await ask(admin, `/admin/receipts/${encodeURIComponent(event_id)}?shop=${SHOP}`);
    assert.is(status, 200);
    assert.equal(json.receipts, [receiptOf({ event_id })]);
    assert.equal(admin.operations.asked, [['receipts', event_id, SHOP]]);
    assert.equal((await ask(admin, '/admin/receipts/unknown')).json, { receipts: [] });
  });

  it('suspends and resumes pipelines, and says where there is none', async () => {
    assert.is((await ask(admin, `/admin/pipelines/${SHOP}/archive/suspend`, { reason: 'upkeep' })).status, 200);
    assert.is((await ask(admin, `/admin/pipelines/${SHOP}/archive/resume`, '')).status, 200);
    assert.equal(admin.operations.asked, [
      ['suspend', { shop: SHOP, pipeline: 'archive' }, 'upkeep'],
      ['resume', { shop: SHOP, pipeline: 'archive' }],
    ]);
    const { status, json } = await ask(admin, `/admin/pipelines/${SHOP}/nope/resume`, {});
    assert.is(status, 404);
    assert.equal(json, { error: `there is no pipeline nope in ${SHOP}` });
  });

  it('hands selections on as they are, times in UTC, pages of 100 unless told', async () => {
    await ask(admin, '/admin/dead');
    const time = encodeURIComponent('2026-06-01T12:00:00+02:00');
    await ask(
      admin,
      `/admin/dead?shop=${SHOP}&pipeline=p&event_id=e&reason=400&from=${time}&to=2026-06-02&limit=5&after=x`,
    );
    await ask(admin, '/admin/quarantine?id=1&code=invalid&limit=1000');
    assert.equal(admin.operations.asked, [
      ['dead', {}, { limit: 100 }],
      [
        'dead',
        {
          shop: SHOP,
          pipeline: 'p',
          event_id: 'e',
          reason: '400',
          from: '2026-06-01T10:00:00.000Z',
          to: '2026-06-02T00:00:00.000Z',
        },
        { limit: 5, after: 'x' },
      ],
      ['quarantine', { id: '1', code: 'invalid' }, { limit: 1000 }],
    ]);
  });

  it('redrives and discards what is selected, and everything only where that is said', async () => {
    for (const path of ['dead/redrive', 'dead/discard', 'quarantine/redrive', 'quarantine/discard']) {
      for (const body of [{}, '']) {
        const { status, json } = await ask(admin, `/admin/${path}`, body);
        assert.is(status, 400, path);
        assert.match(json.error, '{"all": true}');
      }
    }
    assert.equal(admin.operations.asked, [], 'nothing was done');
    admin.operations.letters = [deadOf(1), deadOf(2)];
    const ordered = async (path: string, order: object) => {
      const { job, ...counts } = (await ask(admin, `/admin/${path}`, order)).json;
      assert.equal(job.counts, counts);
      return counts;
    };
    assert.equal(await ordered('dead/redrive', { all: true }), { redriven: 2 });
    assert.equal(await ordered('dead/discard', { event_id: 'e-1' }), { discarded: 2 });
    assert.equal(await ordered('quarantine/redrive', { shop: SHOP }), { accepted: 2, duplicate: 1, refused: 3 });
    assert.equal(await ordered('quarantine/discard', { all: true }), { discarded: 0 });
    assert.equal(admin.operations.asked, [
      ['redriveDead', {}],
      ['discardDead', { event_id: 'e-1' }],
      ['redriveQuarantine', { shop: SHOP }],
      ['discardQuarantine', {}],
    ]);
  });

  it('gives one quarantined event with its body, and lists without', async () => {
    admin.operations.refused = [quarantinedOf('q1', { raw: 'x'.repeat(1000) })];
    const { json: list } = await ask(admin, '/admin/quarantine');
    assert.equal([list.items[0].raw, list.items[0].bytes, list.items[0].beginning.length], [undefined, 1000, 200]);
    const { json: one } = await ask(admin, `/admin/quarantine/q1?shop=${SHOP}`);
    assert.is(one.raw.length, 1000);
    assert.equal(admin.operations.asked.at(-1), ['oneQuarantined', 'q1', SHOP]);
    const missing = await ask(admin, '/admin/quarantine/q2');
    assert.equal([missing.status, missing.json.error], [404, 'there is no quarantined event q2']);
  });

  it('exports line by line, no faster than the reader takes it', async () => {
    admin.operations.letters = [deadOf(1), deadOf(2)];
    const { status, headers, text } = await ask(admin, `/admin/export/dead?shop=${SHOP}`);
    assert.is(status, 200);
    assert.match(headers['content-type'] ?? '', /^application\/x-ndjson/);
    assert.equal(text.split('\n'), [...admin.operations.letters.map((letter) => JSON.stringify(letter)), '']);
    assert.equal(admin.operations.asked, [['allDead', { shop: SHOP }]]);
    assert.is((await ask(admin, '/admin/export/quarantine?limit=1')).status, 400);
    assert.is((await ask(admin, '/admin/export/quarantine')).text, '');

    let made = 0;
    admin.operations.allQuarantined = async function* () {
      for (; made < 1000; made++) yield quarantinedOf(`q${made}`, { raw: 'x'.repeat(256 * 1024) });
    };
    const response = await new Promise<IncomingMessage>((resolve) =>
      httpGet({ port: admin.port, path: '/admin/export/quarantine', headers: bearer() }, resolve),
    );
    response.pause();
    await new Promise((resolve) => setTimeout(resolve, 200));
    const before = made;
    assert.ok(before < 100, `${before} were made for a reader that takes none`);
    response.destroy();
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.ok(made <= before + 1, 'and none when it was gone');
  });

  it('lets others have their turn between the large items of an export, however fast the reader is', async () => {
    const turns = countTurns();
    const made: number[] = [];
    admin.operations.allQuarantined = async function* () {
      for (let n = 0; n < 40; n++) {
        made.push(turns.count());
        yield quarantinedOf(`q${n}`, { raw: 'x'.repeat(256 * 1024) });
      }
    };
    await ask(admin, '/admin/export/quarantine');
    turns.stop();
    assert.ok(new Set(made).size >= 39, `40 items in ${new Set(made).size} turns`);
  });

  it('refuses an export that cannot begin, and cuts one off that cannot go on', async () => {
    admin.operations.failure = new BadOrder('id must name one event');
    assert.is((await ask(admin, '/admin/export/quarantine?id=1')).status, 400);
    admin.operations.allDead = async function* () {
      yield deadOf(1);
      throw new Error('the disk is gone');
    };
    const failed = await ask(admin, '/admin/export/dead').catch((error: Error) => error);
    assert.instance(failed, Error);
    assert.is(admin.errors.length, 1);
  });

  it('lists orders, shows one and cancels it, and says which must end first', async () => {
    admin.operations.orders = [orderOf({ state: 'running' })];
    assert.equal((await ask(admin, '/admin/jobs')).json, { jobs: admin.operations.orders });
    assert.equal((await ask(admin, '/admin/jobs/j1')).json, admin.operations.orders[0]);
    assert.equal((await ask(admin, '/admin/jobs/j1/cancel', {})).json, { ok: true });
    assert.is((await ask(admin, '/admin/jobs/j9')).status, 404);
    assert.is((await ask(admin, '/admin/jobs/j9/cancel', {})).status, 404);
    admin.operations.failure = new Busy('a redrive must end first');
    const { status, json } = await ask(admin, '/admin/quarantine/redrive', { all: true });
    assert.equal([status, json.error], [409, 'a redrive must end first']);
    assert.is(admin.logged().at(-1)?.result, 'a redrive must end first');
  });

  it('plans a replay without starting it, starts it, lists it and cancels it', async () => {
    const order = { shop: SHOP, pipeline: 'archive', from: '2026-06-01', types: ['product_*'] };
    const read = { ...order, from: '2026-06-01T00:00:00.000Z' };
    const planned = await ask(admin, '/admin/replays', { ...order, dry_run: true });
    assert.is(planned.json.plan.wanted, 150);
    assert.equal(admin.operations.asked, [['planReplay', read]]);
    const started = await ask(admin, '/admin/replays', order);
    assert.equal(started.json, { job: jobOf() });
    assert.equal(admin.operations.asked.at(-1), ['startReplay', read]);
    assert.equal((await ask(admin, '/admin/replays')).json, { replays: [jobOf()] });
    assert.equal((await ask(admin, '/admin/replays/r-1/cancel', {})).json, {
      ok: true,
      job: jobOf({ state: 'cancelled' }),
    });
    assert.is((await ask(admin, '/admin/replays/r-2/cancel', {})).status, 404);
  });

  it('refuses wrong input with what was expected and what came, and does nothing', async () => {
    const wrong: [path: string, body: unknown, error: RegExp][] = [
      ['/admin/dead?limit=0', undefined, /limit: must be a whole number from 1 to 1000, got 0/],
      ['/admin/dead?limit=1001', undefined, /limit: must be .* got 1001/],
      ['/admin/dead?limit=ten', undefined, /limit: must be .* got "ten"/],
      ['/admin/dead?shop=', undefined, /shop: must be text .* got ""/],
      ['/admin/dead?shop=a&shop=b', undefined, /shop: must be text .* got a list/],
      ['/admin/dead?pipline=x', undefined, /pipline: must be a known key; did you mean pipeline\?/],
      [
        '/admin/dead?from=tomorrow',
        undefined,
        /from: must be a day such as 2026-06-01.*2h.*yesterday.* got "tomorrow"/,
      ],
      ['/admin/dead?from=2026-02-31', undefined, /from: must be a day/],
      ['/admin/dead?from=2026-06-01T12:00:00', undefined, /time with its zone/],
      ['/admin/dead?from=2026-06-02&to=2026-06-01', undefined, /from: must be before to/],
      ['/admin/tail?kinds=accepted,dying', undefined, /kinds\[1\]: must be one of .* got "dying"/],
      ['/admin/dead/discard', { all: false }, /all: must be true/],
      ['/admin/dead/discard', { shop: 7 }, /shop: must be text .* got 7/],
      ['/admin/dead/discard', { shopp: SHOP, all: true }, /shopp: must be a known key/],
      ['/admin/dead/discard', [], /must be a JSON object, got an empty list/],
      ['/admin/dead/discard', '{"all": tru', /not JSON/],
      ['/admin/replays', { pipeline: 'p' }, /shop: must be .*, got nothing/],
      ['/admin/replays?dry_run=1', { shop: SHOP, pipeline: 'p' }, /the query: must be empty, got dry_run/],
      [`/admin/pipelines/${SHOP}/archive/suspend`, {}, /reason: must be .*, got nothing/],
      [`/admin/pipelines/${SHOP}/archive/suspend`, { reason: 'x', shop: 'b' }, /shop: must stand in the path alone/],
      [`/admin/pipelines/${SHOP}/archive/resume`, { reason: 'x' }, /reason: must be a known key/],
      ['/admin/balance?limit=5', undefined, /limit: must be a known key; no keys are taken here$/],
    ];
    for (const [path, body, error] of wrong) {
      const reply = await ask(admin, path, body);
      assert.is(reply.status, 400, `${path} ${reply.text}`);
      assert.match(reply.json.error, error);
    }
    assert.equal(admin.operations.asked, []);
  });

  it('refuses bodies that are too large or no JSON', async () => {
    assert.is((await ask(admin, '/admin/dead/discard', { shop: 'x'.repeat(70_000) })).status, 413);
    const form = await ask(admin, '/admin/dead/discard', 'all=true', { ...bearer(), 'content-type': 'text/plain' });
    assert.is(form.status, 415);
    assert.match(form.json.error, /application\/json, got text\/plain/);
  });

  it('survives what is wrong with a compressed body behind the part that is too much', async () => {
    const body = Buffer.concat([gzipSync(' '.repeat(81 * 1024)), Buffer.from('and more')]);
    const headers = { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' };
    const answer = await fetch(`${admin.url}/admin/dead/discard`, {
      method: 'POST',
      headers: { ...headers, 'content-encoding': 'gzip' },
      body,
    });
    assert.is(answer.status, 413);
    // An error that nobody hears ends the process a moment later.
    await new Promise((resolve) => setTimeout(resolve, 100));
  });

  it('knows encodings in any case', async () => {
    const answer = await fetch(`${admin.url}/admin/dead/discard`, {
      method: 'POST',
      headers: { ...bearer(), 'content-type': 'application/json', 'content-encoding': 'GZip' },
      body: gzipSync('no JSON'),
    });
    assert.is(answer.status, 400);
    assert.match(await answer.text(), /not JSON/);
  });

  it('answers an order that makes no sense with 400, and a fault of its own with 500 without its text', async () => {
    admin.operations.failure = new BadOrder('expected events between from and to, got none');
    const { status, json } = await ask(admin, '/admin/replays', { shop: SHOP, pipeline: 'archive' });
    assert.is(status, 400);
    assert.is(json.error, 'expected events between from and to, got none');
    admin.operations.failure = new Error('secret detail');
    const failed = await ask(admin, '/admin/dead/redrive', { all: true });
    assert.is(failed.status, 500);
    assert.not.match(failed.text, /secret detail/);
    assert.is(admin.logged().at(-1)?.result, 'failed');
    assert.is(admin.errors.length, 1);
  });

  it('says what is missing on unknown paths', async () => {
    const { status, json } = await ask(admin, '/admin/dead/letters', {});
    assert.is(status, 404);
    assert.match(json.error, /no POST \/admin\/dead\/letters; GET \/openapi\.json/);
  });

  it('answers every call in the shape that the OpenAPI document states, and the document has every call', async () => {
    Object.assign(admin.operations, {
      known: [receiptOf(), receiptOf({ state: 'quarantined', quarantine_id: 'q', reasons: ['r'] })],
      letters: [deadOf(1), deadOf(2)],
      refused: [quarantinedOf('1'), quarantinedOf('2')],
      jobs: [jobOf()],
      orders: [orderOf({ shop: SHOP, selection: { code: 'x' }, counts: { accepted: 1 }, reason: 'r' })],
    });
    const values: Record<string, string> = { ':event_id': 'e-1', ':shop': SHOP, ':pipeline': 'archive', ':id': 'r-1' };
    const ids: Record<string, string> = { oneQuarantined: '1', job: 'j1', cancelJob: 'j1' };
    const bodies: Record<string, object> = {
      suspendPipeline: { reason: 'upkeep' },
      adoptPipeline: { as: 'new' },
      discardPipeline: { confirm: true },
      replay: { shop: SHOP, pipeline: 'archive' },
    };
    const { paths } = openapi(examples());
    for (const [name, call] of Object.entries<AdminCall>(adminCalls)) {
      const documented = (paths as Record<string, object>)[call.path.replace(/:(\w+)/g, '{$1}')];
      assert.ok(documented && call.method in documented, `${name} is in the document`);
      if (!call.answer) continue;
      const path = call.path.replace(/:\w+/g, (part) => (part === ':id' && ids[name]) || values[part]!);
      const body =
        call.method === 'get' ? undefined : (bodies[name] ?? (/archive|cancel/.test(path) ? {} : { all: true }));
      const { status, json } = await ask(admin, path, body);
      assert.is(status, 200, name);
      assert.ok(Check(call.answer, json), `${name}: ${JSON.stringify(json)}`);
    }
  });
});

describe('live tail', ({ it, beforeEach, afterEach }) => {
  let admin: Admin;
  let clock: TestClock;
  beforeEach(async () => {
    clock = new TestClock();
    admin = await openAdmin({ clock });
  });
  afterEach(() => admin.close());

  const accepted: TailLine = {
    kind: 'accepted',
    at: '2026-06-01T12:00:00.000Z',
    shop: SHOP,
    event: eventOf({ query: 'a\n\nb' }),
  };

  async function open(path = '/admin/tail') {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      httpGet(`${admin.url}${path}`, { headers: bearer() }, resolve).on('error', reject);
    });
    const seen = { text: '', ended: false };
    response.setEncoding('utf8');
    const read = () => {
      response.on('data', (chunk: string) => {
        seen.text += chunk;
      });
      response.on('end', () => {
        seen.ended = true;
      });
      response.on('error', () => {});
    };
    return { response, seen, read };
  }

  it('sends each line as an event named by its kind, for the filter given', async () => {
    admin.operations.lines = async function* () {
      yield accepted;
      yield { kind: 'missed', lines: 3 };
    };
    const { response, seen, read } = await open(
      `/admin/tail?shop=${SHOP}&types=product_*,search&kinds=accepted,missed`,
    );
    read();
    await until(() => seen.ended);
    assert.is(response.statusCode, 200);
    assert.match(response.headers['content-type']!, /^text\/event-stream/);
    assert.is(response.headers['cache-control'], 'no-store');
    assert.is(
      seen.text,
      `: open\n\nevent: accepted\ndata: ${JSON.stringify(accepted)}\n\nevent: missed\ndata: {"kind":"missed","lines":3}\n\n`,
    );
    assert.equal(admin.operations.asked, [
      ['tail', { shop: SHOP, types: ['product_*', 'search'], kinds: ['accepted', 'missed'] }],
    ]);
  });

  it('sends a comment every 15 seconds, so that nobody hangs up', async () => {
    admin.operations.lines = (_, signal) => silence(signal);
    const { seen, read } = await open();
    read();
    await until(() => seen.text === ': open\n\n');
    await until(() => clock.waits.length === 1);
    await clock.advance(14_999);
    assert.is(clock.waits.length, 1);
    await clock.advance(1);
    await until(() => seen.text === ': open\n\n: still here\n\n');
    assert.equal(clock.waits, [15_000, 15_000]);
  });

  it('lets go of the lines when the reader leaves', async () => {
    let aborted = false;
    admin.operations.lines = (_, signal) => {
      signal.addEventListener('abort', () => {
        aborted = true;
      });
      return silence(signal);
    };
    const { response } = await open();
    assert.is(aborted, false);
    response.destroy();
    await until(() => aborted);
    assert.equal(admin.errors, []);
  });

  it('ends when the gateway stops', async () => {
    admin.operations.lines = (_, signal) => silence(signal);
    const { seen, read } = await open();
    read();
    admin.stop();
    await until(() => seen.ended);
    const late = await open();
    late.read();
    await until(() => late.seen.ended);
  });

  it('takes no more lines than a slow reader has room for, and goes on when it reads', async () => {
    const MOST = 3000;
    const big: TailLine = { ...accepted, event: eventOf({ query: 'x'.repeat(64 * 1024) }) } as TailLine;
    let taken = 0;
    admin.operations.lines = async function* () {
      while (taken < MOST) {
        taken += 1;
        yield big;
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    const { seen, read } = await open();
    let before = -1;
    await until(async () => {
      before = taken;
      await new Promise((resolve) => setTimeout(resolve, 100));
      return taken > 0 && taken === before;
    });
    assert.ok(taken < MOST / 2, `${taken} lines were taken for a reader that reads none`);
    read();
    await until(() => seen.ended);
    assert.is(taken, MOST);
    assert.is(seen.text.split('event: accepted').length - 1, MOST);
  });

  it('answers HEAD without a tail', async () => {
    const response = await fetch(`${admin.url}/admin/tail`, { method: 'HEAD', headers: bearer() });
    assert.is(response.status, 200);
    assert.equal(admin.operations.asked, []);
  });
});

async function* silence(signal: AbortSignal): AsyncGenerator<TailLine> {
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
