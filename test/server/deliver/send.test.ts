import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import * as assert from 'uvu/assert';
import { dialects } from '../../../adapters/dialects/index.ts';
import type { Event } from '../../../schemas/event.ts';
import { SENDABLE } from '../../../server/cli/send-requests.ts';
import type { Gateway } from '../../../server/process/gateway.ts';
import { describe } from '../../support/describe.ts';
import { gatewayWith, SHOP } from '../../support/gateway.ts';
import { openSink, type Sink } from '../../support/sink.ts';
import { runCli } from '../../support/terminal.ts';
import { until } from '../../support/until.ts';

describe('headless-events send', ({ it, before, after }) => {
  const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
  let sink: Sink;
  let gateway: Gateway;
  let url = '';
  before(async () => {
    sink = await openSink();
    gateway = await gatewayWith(`
shops:
  - shop: ${SHOP}
    tokens: [demo-token, other-token]
    customEvents: [my_own]
    pipelines:
      - id: hook
        destination: { type: webhook, url: "${sink.url}", secret: "${secret}", allowPrivateNetworks: true }
  - shop: other.myshopify.com
    tokens: [foreign-token]`);
    url = `http://127.0.0.1:${gateway.port}`;
  });
  after(async () => {
    await gateway.stop();
    await sink.close();
  });
  /** Ids of a command start anew with each: here each has its own. */
  const send = async (...args: string[]) => {
    const run = await runCli(['send', '--url', url, ...args]);
    return run;
  };
  const stored = async (id: string): Promise<Event> =>
    until(() => sink.events().find(({ event_id }) => event_id === id));
  const idIn: Readonly<Record<string, (id: string) => object>> = {
    layers: (id) => ({ event_id: id }),
    glood: (id) => ({ event: { id } }),
    tapcart: (id) => ({ mp_metadata: { mp_event_id: id } }),
  };

  it('speaks every dialect', () => {
    for (const { name } of dialects) assert.ok(SENDABLE.has(name), name);
  });

  for (const { name: dialect, names } of dialects)
    for (const [name, type] of Object.entries(names))
      it(`has an example that ${dialect} takes as ${name}`, async () => {
        const id = `${dialect}-${name}`;
        const data = JSON.stringify(idIn[dialect]?.(id));
        const { exit, out, err } = await send('--dialect', dialect, '--type', name, '--data', data);
        assert.is(exit, 0, out + err);
        const [line = '', meaning = ''] = out.split('\n');
        assert.match(line, /^HTTP 20[01] {2}\S+ {2}accepted {2}\(request [\w-]+\)$/);
        assert.ok(meaning.includes(`headless-events receipt ${id}`), meaning);
        const event = await stored(id);
        assert.equal([event.event_type, event.dialect, event.extra], [type, dialect, undefined]);
        if (ABOUT_PRODUCTS.has(type) && !(dialect === 'layers' && type === 'block_view'))
          assert.ok(event.product_id ?? event.products?.[0]?.product_id, `${name} names no product`);
        if (/search|autocomplete/.test(type)) assert.is(event.query, type === 'autocomplete' ? 'shi' : 'shirt');
        if (type === 'collection_view') assert.is(event.collection_handle, 'summer');
      });

  it('sends names of the shop too, and says of others that they are kept', async () => {
    for (const dialect of ['layers', 'glood', 'tapcart']) {
      assert.is(
        (
          await send(
            '--dialect',
            dialect,
            '--type',
            'my_own',
            '--data',
            JSON.stringify(idIn[dialect]?.(`own-${dialect}`)),
          )
        ).exit,
        0,
      );
      const { exit, out } = await send('--dialect', dialect, '--type', 'nonsense');
      assert.is(exit, 1);
      assert.match(out, /HTTP (201|400|422) {2}id-1 {2}(rejected|refused): .*"nonsense"/);
      assert.match(out, /quarantine list/);
    }
  });

  it('says what an init answers, without the token', async () => {
    const { exit, out } = await send('--dialect', 'glood-init');
    assert.is(exit, 0);
    assert.match(out, /^HTTP 200 {2}visit [\w-]{36} {2}answered {2}\(request [\w-]+\)$/m);
    assert.match(out, /send --dialect glood --data '\{"session_id":"[\w-]{36}"\}'/);
    const json = JSON.parse((await send('--dialect', 'glood-init', '--json', '--data', '{"user_id":"u-1"}')).out);
    assert.is(json.verdict, 'answered');
    assert.is(JSON.parse(json.answer).user_id, 'u-1');
    assert.not.match(json.answer, /demo-token/);
    const typed = await send('--dialect', 'glood-init', '--type', 'page_viewed');
    assert.equal(
      [typed.exit, typed.err],
      [2, '--type: must be left out with --dialect glood-init, which brings no event, got page_viewed'],
    );
    const wrong = await send('--dialect', 'glood-init', '--data', `{"deep":${'['.repeat(40)}${']'.repeat(40)}}`);
    assert.is(wrong.exit, 1);
    assert.match(
      wrong.out,
      /must have at most 32 nested levels.*\n {2}It does not fit the contract\. Correct --data\./,
    );
  });

  it('says the same of an event that is sent twice', async () => {
    await send('--data', '{"event_id":"twice"}');
    const { exit, out } = await send('--data', '{"event_id":"twice"}');
    assert.is(exit, 0);
    assert.match(out, /duplicate.*\n.*stored already.*receipt twice/);
  });

  for (const dialect of SENDABLE.keys())
    it(`says what to do about a token that is not the shop's: ${dialect}`, async () => {
      const { exit, out } = await send('--dialect', dialect, '--token', 'nope', '--shop', SHOP);
      assert.is(exit, 1);
      assert.match(out, /^HTTP 401 .*refused: .*nauthenticated/);
      assert.match(
        out,
        /Nothing is stored\. The gateway does not know this token\. Give one of the shop's with --token\./,
      );
      assert.not.match(out, /nope/);
    });

  it('says what to do about the shop', async () => {
    const unnamed = await send('--dialect', 'glood', '--token', 'other-token');
    assert.is(unnamed.exit, 2);
    assert.match(unnamed.err, /--shop: must be the domain of the token's shop with --dialect glood, got nothing/);
    assert.is((await send('--dialect', 'glood', '--token', 'other-token', '--shop', SHOP)).exit, 0);
    const foreign = await send('--dialect', 'glood', '--token', 'foreign-token', '--shop', SHOP);
    assert.is(foreign.exit, 1);
    assert.match(foreign.out, /HTTP 403 .*\n.*Give its shop with --shop/);
  });

  for (const [status, headers, body, says] of [
    [
      429,
      { 'retry-after': '7' },
      '{"error":"too many requests for now"}',
      /429 .*too many requests.*\n.*Send it again in 7 s/,
    ],
    [503, {}, '{"error":503,"message":"not now"}', /503 .*not now.*\n.*Send it again later/],
    [413, {}, '{"errors":["the body is too large"]}', /413 .*too large.*\n.*Send less/],
    [500, {}, '{"error":"broken"}', /500 .*broken.*\n.*names the line in the log/],
  ] as const)
    it(`says what HTTP ${status} means`, async () => {
      const server = createServer((_, response) => {
        response.writeHead(status, { 'content-type': 'application/json', 'x-request-id': 'r-1', ...headers }).end(body);
      });
      await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
      const { port } = server.address() as AddressInfo;
      const { exit, out } = await runCli(['send', '--url', `http://127.0.0.1:${port}`]);
      server.close();
      assert.is(exit, 1);
      assert.match(out, says);
    });
});

const ABOUT_PRODUCTS = new Set(
  'product_view product_click product_impression product_hover product_touch add_to_cart remove_from_cart cart_view purchase block_view block_render offer_accept offer_reject wishlist_add cart_update'.split(
    ' ',
  ),
);
