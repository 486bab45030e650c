import * as assert from 'uvu/assert';
import { destinations } from '../../../adapters/destinations/index.ts';
import { describeConfig } from '../../../server/config/describe.ts';
import { demoConfig } from '../../../server/config/find.ts';
import { loadConfig } from '../../../server/config/load.ts';
import { readSettings } from '../../../server/config/settings.ts';
import { describe } from '../../support/describe.ts';

const secret = 'hunter2-hunter2-hunter2-hunter2-hunter2';
const signing = `whsec_${Buffer.from(secret).toString('base64')}`;

const shop = {
  shop: 'a.myshopify.com',
  aliases: ['shop.example.com'],
  tokens: [secret, 'token-b'],
  serverTokens: [`${secret}-server`],
  origins: ['https://shop.example.com'],
  pipelines: [
    { id: 'files', destination: { type: 'file' } },
    {
      id: 'hook',
      events: ['product_*'],
      consent: ['analytics'],
      destination: {
        type: 'webhook',
        url: `https://x.example/${secret}?key=${secret}`,
        secret: signing,
        headers: { authorization: secret },
      },
    },
  ],
};

const load = (source: string) => loadConfig({ source, env: {}, destinations });

describe('the start-up description', ({ it }) => {
  const config = load(JSON.stringify({ shops: [shop] }));

  it('shows shops, pipelines and what was set, and no secrets', () => {
    const env = { ADMIN_TOKEN: secret, DATABASE_URL: `postgres://me:${secret}@db/events?sslmode=require` };
    const lines = describeConfig(config, readSettings({ ...env, GEO_HEADERS: 'cloudflare,vercel' }), destinations);
    assert.equal(lines, [
      'process all: takes events and moves pipelines; log postgres://db/events',
      'settings: LOG_URL=postgres://db/events DATABASE_URL=*** GEO_HEADERS=cloudflare,vercel ADMIN_TOKEN=***',
      'shop a.myshopify.com: also shop.example.com; 2 tokens; 1 server token; origins: https://shop.example.com',
      '  pipeline files: * -> file',
      '  pipeline hook: product_* with consent to analytics (unknown: filter) -> webhook url=https://x.example/… secret=*** headers=***',
    ]);
  });

  it('says which names of a filter no event can have', () => {
    const asking = (...events: string[]) => ({
      ...shop,
      customEvents: ['gift_wrapped'],
      pipelines: [{ id: 'files', events, destination: { type: 'file' } }],
    });
    const line = (...events: string[]) =>
      describeConfig(load(JSON.stringify({ shops: [asking(...events)] })), readSettings({}), destinations)[3];
    for (const name of ['*', 'purchase', 'checkout_completed', 'cartAdd', 'glood:section:*', 'gift_*', 'product_hover'])
      assert.not.match(line(name) ?? '', 'no event');
    assert.match(
      line('purchase', 'purchse', 'product_veiw', 'order_*') ?? '',
      '(no event is called purchse or product_veiw or order_*, and customEvents lists no such name; did you mean purchase, product_view?)',
    );
  });

  it('says nothing of the settings of a destination it does not know', () => {
    const [, , , , hook] = describeConfig(config, readSettings({}), []);
    assert.match(hook ?? '', /-> webhook$/);
  });

  it('says what the process does, and which log it does that with', () => {
    const line = (env: Record<string, string>) => describeConfig(config, readSettings(env), destinations)[0];
    const DATABASE_URL = `postgresql://me:${secret}@db:5432/events`;
    const log = 'log postgresql://db:5432/events';
    assert.is(line({}), 'process all: takes events and moves pipelines; log lmdb:data/log');
    assert.is(
      line({ WEB_CONCURRENCY: '3' }),
      'process all: moves pipelines; 3 web processes take events; log lmdb:data/log',
    );
    assert.is(line({ PROCESS: 'web', DATABASE_URL }), `process web: takes events; others move pipelines; ${log}`);
    assert.is(
      line({ PROCESS: 'web', WEB_CONCURRENCY: '2', DATABASE_URL }),
      `process web: 2 web processes take events; others move pipelines; ${log}`,
    );
    assert.is(
      line({ PROCESS: 'worker', WEB_CONCURRENCY: '2', DATABASE_URL }),
      `process worker: moves pipelines; others take events; ${log}`,
    );
  });

  it('describes the demo', () => {
    assert.is(describeConfig(load(demoConfig), readSettings({}), destinations)[1], 'settings: all defaults');
  });
});
