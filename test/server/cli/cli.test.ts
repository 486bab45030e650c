import * as assert from 'uvu/assert';
import type { Gateway } from '../../../server/process/gateway.ts';
import { describe } from '../../support/describe.ts';
import { gatewayWith } from '../../support/gateway.ts';
import { runCli } from '../../support/terminal.ts';

const run = (args: string[], env: Record<string, string> = {}) => runCli(args, { env });

const CONFIG = 'shops:\n  - shop: demo.myshopify.com\n    tokens: [demo-token]\n';

describe('headless-events', ({ it, before, after }) => {
  let gateway: Gateway;
  let url = '';
  before(async () => {
    gateway = await gatewayWith(CONFIG);
    url = `http://127.0.0.1:${gateway.port}`;
  });
  after(() => gateway.stop());

  it('says which version it is', async () => {
    const { exit, out } = await run(['--version']);
    assert.is(exit, 0);
    assert.match(out, /^\d+\.\d+\.\d+$/);
  });

  it('check says what a start runs with', async () => {
    const { exit, out } = await run(['check'], { GATEWAY_CONFIG: CONFIG });
    assert.is(exit, 0);
    assert.match(out, /The configuration is valid/);
    assert.match(out, /demo\.myshopify\.com/);
    assert.not.match(out, /demo-token/);
  });

  it('check lists every mistake, for people and for machines', async () => {
    const broken = 'shops:\n  - shop: Demo\n    token: [x]\n';
    const { exit, err } = await run(['check'], { GATEWAY_CONFIG: broken, PORT: 'abc' });
    assert.is(exit, 1);
    assert.match(err, /PORT/);
    const json = await run(['check', '--json'], { GATEWAY_CONFIG: broken });
    assert.is(json.exit, 1);
    const { ok, mistakes } = JSON.parse(json.out) as { ok: boolean; mistakes: string[] };
    assert.is(ok, false);
    assert.ok(mistakes.length >= 2, json.out);
  });

  it('send stores an event through either dialect and says so', async () => {
    const layers = await run(['send', '--url', url]);
    assert.is(layers.exit, 0, layers.err);
    assert.match(layers.out, /^HTTP 201 {2}id-1 {2}accepted {2}\(request [\w-]+\)$/m);
    const glood = await run(['send', '--url', url, '--dialect', 'glood', '--json', '--data', '{"page_type":"home"}']);
    assert.is(JSON.parse(glood.out).verdict, 'accepted');
  });

  it('send says why an event was rejected, and fails', async () => {
    const { exit, out } = await run(['send', '--url', url, '--type', 'search', '--data', '{"query":null}']);
    assert.is(exit, 1);
    assert.match(out, /rejected: events\[0\]\.query/);
    const wrong = await run(['send', '--url', url, '--token', 'nope']);
    assert.is(wrong.exit, 1);
    assert.match(wrong.out, /HTTP 401/);
  });

  it('send says where it looked when no gateway answers', async () => {
    const { exit, err } = await run(['send', '--url', 'http://127.0.0.1:9']);
    assert.is(exit, 1);
    assert.match(err, /No gateway answers at http:\/\/127\.0\.0\.1:9/);
  });

  it('fails with 2 for a wrong call, and helps', async () => {
    for (const missed of [['nope'], ['receipt'], ['pipelines', '--shp', 'x'], ['send', '--type']]) {
      const { exit, err } = await run(missed);
      assert.is(exit, 2);
      assert.match(err, /^error: .*\n(\(Did you mean .*\n)?Add --help to see the commands and flags\.$/);
    }
    const wrong = await run(['send', '--data', '[]']);
    assert.is(wrong.exit, 2);
    assert.not.match(wrong.err, '--help');
    const { exit, out } = await run(['send', '--help']);
    assert.is(exit, 0);
    assert.match(out, /Examples:/);
  });
});
