import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import * as assert from 'uvu/assert';
import { describe } from '../support/describe.ts';
import { temporaryFolder } from '../support/folder.ts';
import { beacon, type Call, call, glood, layersEvent, tapcart } from '../support/gateway.ts';
import { type Started, startMain } from '../support/main.ts';
import { openSink, type Sink } from '../support/sink.ts';
import { until } from '../support/until.ts';

const canary = (slot: string) => `canary-${slot}-${'7f3a9c51e8'.repeat(4)}`;
const signing = (slot: string) => `whsec_${Buffer.from(canary(slot).slice(0, 40)).toString('base64')}`;

/** What nobody may read anywhere, by where it is kept or sent. */
const secrets = {
  'a storefront token': canary('storefront'),
  'a server token': canary('server'),
  'the admin token': canary('admin'),
  'a signing secret': signing('secret'),
  'the secret before it': signing('previous'),
  'a header of a destination': canary('header'),
  'the password of a database': canary('database'),
  'an unknown token': canary('unknown'),
  'a cookie': canary('cookie'),
  'a wrong admin token': canary('wrong-admin'),
};

/** Not a secret. */
const planted = canary('planted');

const configOf = (hooks: string, more = '') => `
shops:
  - shop: demo.myshopify.com
    tokens: ["\${TOKEN}"]
    serverTokens: ["${secrets['a server token']}"]
    origins: ['https://shop.example.com']
    pipelines:
      - id: archive
        destination: { type: file }
      - id: hook
        destination:
          type: webhook
          url: "${hooks}?key=${secrets['a header of a destination']}"
          secret: "${secrets['a signing secret']}"
          previousSecret: "${secrets['the secret before it']}"
          headers: { authorization: "${secrets['a header of a destination']}" }
          allowPrivateNetworks: true
${more}`;

function* filesIn(folder: string): Generator<string> {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) yield* filesIn(path);
    else yield path;
  }
}

describe('secrets', ({ it, before, after }) => {
  const folder = temporaryFolder();
  const config = join(folder.path, 'gateway.yaml');
  let sink: Sink;
  let gateway: Started;
  let port = 0;
  /** Everything that came out, by where. */
  const seen: [where: string, text: string][] = [];

  before(async () => {
    sink = await openSink();
    // A receiver that says back what it was sent.
    sink.behave(({ headers, path }) => ({
      kind: 'answer',
      status: 422,
      body: `no ${headers.authorization} ${path} ${headers['webhook-signature']}`,
    }));
    writeFileSync(config, configOf(sink.url));
    gateway = startMain(folder.path, {
      GATEWAY_CONFIG: 'gateway.yaml',
      TOKEN: secrets['a storefront token'],
      ADMIN_TOKEN: secrets['the admin token'],
      LOG_URL: 'lmdb:data/log',
      DATABASE_URL: `postgres://user:${secrets['the password of a database']}@127.0.0.1/none`,
      LOG_LEVEL: 'trace',
    });
    port = await gateway.port();
  });
  after(async () => {
    gateway.signalAll('SIGKILL');
    await sink.close();
    folder.remove();
  });

  const keep = async (where: string, reply: ReturnType<typeof call>) => {
    const { status, headers, body } = await reply;
    seen.push([`the answer ${status} to ${where}`, `${JSON.stringify(headers)} ${body}`]);
    return { status, body };
  };

  it('stand in no answer, whatever is asked and however it fails', async () => {
    const own = { 'x-storefront-access-token': secrets['a storefront token'] };
    const odd: readonly [string, Call][] = [
      ['an event', {}],
      ['an unknown token', { headers: { 'x-storefront-access-token': secrets['an unknown token'] } }],
      ['a token in the query', { path: `/beacon?token=${secrets['an unknown token']}`, headers: own }],
      ['a cookie', { headers: { ...own, cookie: `session=${secrets['a cookie']}` } }],
      ['a foreign origin', { headers: { ...own, origin: 'https://evil.example' } }],
      ['another type', { headers: { ...own, 'content-type': 'application/xml' } }],
      ['no JSON', { headers: own, body: '{' }],
      ['too much', { headers: own, body: 'x'.repeat(300_000) }],
      ['broken gzip', { headers: { ...own, 'content-encoding': 'gzip' }, body: 'no gzip' }],
      ['gzip', { headers: { ...own, 'content-encoding': 'gzip' }, body: gzipSync('{}') }],
      ['another method', { method: 'PUT', headers: own }],
      ['no such path', { path: `/nope?token=${secrets['a storefront token']}`, headers: own }],
    ];
    for (const [what, request] of odd)
      await keep(
        what,
        beacon(port, [layersEvent({ session_id: planted }), {}], {
          ...request,
          headers: { ...own, ...request.headers },
        }),
      );
    const bearer = { authorization: `Bearer ${secrets['a server token']}` };
    await keep(
      'a Glood event',
      glood(port, { event: { id: 'g', name: 'page_viewed' }, session_id: 's' }, { headers: bearer }),
    );
    await keep('a wrong Glood event', glood(port, {}, { headers: bearer }));
    const path = `/webhooks/tapcart?token=${secrets['a server token']}`;
    await keep('a Tapcart event', tapcart(port, { event: 'pageView', mp_metadata: { mp_event_id: 't' } }, { path }));
    await keep('a wrong Tapcart event', tapcart(port, {}, { path }));
    for (const get of ['/healthz', '/metrics', '/readyz', '/openapi.json'])
      await keep(get, call(port, { method: 'GET', path: get }));
  });

  it('stand in no answer to an operator, and in no reason that a receiver gave', async () => {
    const operator = { authorization: `Bearer ${secrets['the admin token']}` };
    const ask = (get: string) => keep(get, call(port, { method: 'GET', path: get, headers: operator }));
    const dead = await until(async () => {
      const { body } = await ask('/admin/dead?limit=100');
      return body.includes('HTTP 422') && body;
    });
    assert.match(String(dead), /\*\*\*/, 'the reason is there, blacked out');
    for (const get of ['pipelines', 'quarantine?limit=100', 'receipts/g', 'balance', 'replays', 'nope'])
      await ask(`/admin/${get}`);
    const wrong = { authorization: `Bearer ${secrets['a wrong admin token']}` };
    const { status } = await keep(
      'a wrong admin token',
      call(port, { method: 'GET', path: '/admin/dead', headers: wrong }),
    );
    assert.is(status, 401);
    await keep('a replay that is none', call(port, { path: '/admin/replays', headers: operator, body: '{}' }));
  });

  it('stand in no log line at any level, also of a start, a mistaken configuration and a stop', async () => {
    const mistakes = `  - shop: demo.myshopify.com
    tokens: ["${secrets['a server token']}", "two words ${secrets['an unknown token']}"]
    pipelines: [{ id: A, destination: { type: webhook, url: "https://u:${secrets['a header of a destination']}@x", secret: "${secrets['a signing secret']}x" } }]`;
    writeFileSync(config, configOf(sink.url, mistakes));
    process.kill(Number(gateway.child.pid), 'SIGHUP');
    await until(() => /refused|invalid|mistake/i.test(gateway.output()));
    gateway.signalAll('SIGTERM');
    assert.is(await gateway.ended, 0);
    assert.ok(gateway.lines().length > 20, 'hardly any lines');
    seen.push(['the log lines', gateway.output()]);
    for (const path of filesIn(join(folder.path, 'data')))
      seen.push([`the file ${path}`, readFileSync(path, 'latin1')]);
    assert.ok(seen.length > 30);
    for (const [where, text] of seen)
      for (const [what, secret] of Object.entries(secrets))
        assert.not.ok(text.includes(secret) || text.includes(encodeURIComponent(secret)), `${what} stands in ${where}`);
  });

  it('would be found where they stand: what a shopper says lies on the log and in the archive', () => {
    const found = seen.filter(([, text]) => text.includes(planted)).map(([where]) => where);
    assert.ok(
      found.some((where) => where.includes('/log/')) && found.some((where) => where.includes('/archive/')),
      found.join(),
    );
  });
});
