import * as assert from 'uvu/assert';
import { destinations } from '../adapters/destinations/index.ts';
import { urlMistakes } from '../adapters/http/ssrf.ts';
import { configOf } from '../adapters/logs/postgres/url.ts';
import { Settings } from '../schemas/settings.ts';
import { ConfigError } from '../server/base/errors.ts';
import { loadRunnable } from '../server/config/durability.ts';
import { loadConfig } from '../server/config/load.ts';
import { type Environment, readSettings } from '../server/config/settings.ts';
import { describe } from './support/describe.ts';
import { runCli } from './support/terminal.ts';

/** `<where>: must <what>, got <value>`, and `; <what to do>` where that is not plain. A where may have its line and column, and a part of it may follow. */
const SHAPE =
  /^[\w.[\]"-]+(?: [a-z]+)?(?: \(line \d+, column \d+\))?: (?:(?:the )?[\w=-]+(?: and \w+)? )?must (?:be a known key; |(?:be|have|name|start|lead|come|stand) .+, got (?!undefined|\[object)).*[^.;,\s]$/s;

const assertShape = (messages: readonly string[], about: string): void => {
  assert.ok(messages.length > 0, `${about} has no mistake`);
  for (const message of messages) assert.match(message, SHAPE, `${about}: ${message}`);
};

const mistakesOf = (work: () => unknown): readonly string[] => {
  try {
    work();
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.mistakes;
    return [(error as Error).message];
  }
};

const NAMES = ['NODE_ENV', 'DYNO', 'DOKKU_APP_NAME', 'GATEWAY_CONFIG', 'GEOIP_DB', 'HOST'];
const SECRET = `whsec_${'A'.repeat(40)}`;
const shop = (more: object = {}) => ({ shop: 'a.myshopify.com', tokens: ['t'], ...more });
const toWebhook = (more: object) =>
  shop({
    pipelines: [{ id: 'p', destination: { type: 'webhook', url: 'https://example.com', secret: SECRET, ...more } }],
  });

const environments: readonly Environment[] = [
  ...Object.keys(Settings.properties)
    .filter((name) => !NAMES.includes(name))
    .map((name) => ({ [name]: name === 'ADMIN_TOKEN' ? 'short' : 'no such value' })),
  { DEDUP_HOURS: '200', RETENTION_DAYS: '7' },
  { HEADERS_TIMEOUT_SECONDS: '20', REQUEST_TIMEOUT_SECONDS: '15' },
  { PROCESS: 'worker' },
  { PROCESS: 'workers' },
];

const configurations: Readonly<Record<string, unknown>> = {
  'nothing in it': {},
  'no shops': { shops: [] },
  'an unknown key': { shops: [shop({ orgins: [] })] },
  'a key that is like none': { shops: [shop({ zzzzzzzzzzz: 1 })] },
  'no tokens': { shops: [{ shop: 'a.myshopify.com' }] },
  'a token that is a number': { shops: [shop({ tokens: [5] })] },
  'an address for a shop': { shops: [shop({ shop: 'https://a.myshopify.com' })] },
  'an origin with a path': { shops: [shop({ origins: ['https://a.example/x'] })] },
  'an origin with its port': { shops: [shop({ origins: ['https://a.example:443'] })] },
  'a token twice': { shops: [shop({ tokens: ['t', 't'] })] },
  'a shop twice': { shops: [shop(), shop({ tokens: ['u'] })] },
  'a variable that is not set': { shops: [shop({ tokens: [['$', '{NOT_SET}'].join('')] })] },
  'a variable without an end': { shops: [shop({ tokens: ['${NOT_SET'] })] },
  'no destination': { shops: [shop({ pipelines: [{ id: 'p' }] })] },
  'a destination without a type': { shops: [shop({ pipelines: [{ id: 'p', destination: {} }] })] },
  'a destination of no type': { shops: [shop({ pipelines: [{ id: 'p', destination: { type: 'fiel' } }] })] },
  'lanes of a file': { shops: [shop({ pipelines: [{ id: 'p', lanes: 2, destination: { type: 'file' } }] })] },
  'a setting of a dialect': { shops: [shop({ glood: { allowShopHeaderOnly: 'yes' } })] },
  'an upstream with a path': { shops: [shop({ glood: { upstream: 'https://example.com/api' } })] },
  'an upstream at home': { shops: [shop({ glood: { upstream: 'https://127.0.0.1' } })] },
  'a url that is none': { shops: [toWebhook({ url: 'example.com' })] },
  'a url with a password': { shops: [toWebhook({ url: 'https://u:p@example.com' })] },
  'a secret that is short': { shops: [toWebhook({ secret: 'whsec_AAAA' })] },
  'a secret without its beginning': { shops: [toWebhook({ secret: 'A'.repeat(40) })] },
  'a header of ours': { shops: [toWebhook({ headers: { 'Webhook-Id': 'x' } })] },
  'a header that is none': { shops: [toWebhook({ headers: { 'a b': 'x' } })] },
  'a batch that is too large': { shops: [toWebhook({ batchSize: 1_000_000 })] },
};

const URLS = [
  'nonsense',
  'ftp://example.com',
  'http://example.com',
  'https://u:p@example.com',
  'https://example.com:22',
  'https://10.0.0.1',
  'https://localhost',
];

const LOG_URLS = [
  'postgres://',
  'postgres://u:p@h:0/d',
  'postgres://u:p@h,i/d',
  'postgres://u:%zz@h/d',
  'postgres://h/d?sslmode=maybe',
  'postgres://h/d?sslmode=verify-ca',
  'postgres://h/d?sslmode=require&sslrootcert=system',
  'postgres://h/d?sslmode=require&sslcert=none',
  'postgres://h/d?sslmode=verify-full&sslrootcert=none',
  'postgres://h/d?ssl=1',
  'postgres://h/d?sslnegotiation=x',
  'postgres://h/d?sslmode=disable&sslnegotiation=direct',
  'postgres://h/d?ssl_min_protocol_version=x&sslmode=require',
  'postgres://h/d?connect_timeout=0',
  'postgres://h/d?channel_binding=require',
  'postgres://h/d?target_session_attrs=standby',
  'postgres://h/d?nonsense=1',
];

const commands: readonly (readonly string[])[] = [
  ['send', '--data', 'x'],
  ['send', '--dialect', 'latin'],
  ['send', '--url', 'nonsense'],
  ['send', '--dialect', 'glood', '--token', 'other'],
  ['send', '--dialect', 'glood-init', '--type', 'page_viewed'],
  ['tail', '--types', ','],
  ['tail', '--url', 'ftp://x', '--admin-token', 'x'],
  ['dead', 'list', '--from', 'tomorrow', '--admin-token', 'x'],
  ['dead', 'redrive', '--admin-token', 'x'],
  ['dead', 'list'],
  ['quarantine', 'export', '--out', '/nowhere/at/all', '--admin-token', 'x'],
  ['check', '--against', 'x'],
];

describe('messages about wrong input have one shape', ({ it }) => {
  it('for settings', () => {
    assert.ok(environments.length > 20);
    for (const env of environments)
      assertShape(
        mistakesOf(() => readSettings(env)),
        JSON.stringify(env),
      );
  });

  it('for configurations, destinations and dialects', () => {
    for (const [about, config] of Object.entries(configurations)) {
      const source = JSON.stringify(config);
      assertShape(
        mistakesOf(() => loadConfig({ source, env: {}, destinations })),
        about,
      );
    }
  });

  it('for what a restart would lose, and for files that are not there', () => {
    const found = {
      kind: 'text',
      source: JSON.stringify({ shops: [shop({ pipelines: [{ id: 'p', destination: { type: 'file' } }] })] }),
    } as const;
    const settings = readSettings({ DYNO: 'web.1' });
    assertShape(
      mistakesOf(() => loadRunnable({ found, settings, env: {}, destinations })),
      'a dyno',
    );
    assertShape(
      mistakesOf(() => loadConfig({ source: 'none.yaml', env: {}, destinations })),
      'no file',
    );
  });

  it('for addresses of destinations and of the log', () => {
    for (const url of URLS) assertShape(urlMistakes(url, false), url);
    for (const url of LOG_URLS)
      assertShape(
        mistakesOf(() => configOf(url, true, 'test')),
        url,
      );
  });

  it('for flags of commands', async () => {
    for (const args of commands) {
      const { exit, err } = await runCli(args);
      assert.is(exit, 2, args.join(' '));
      assertShape([err], args.join(' '));
    }
  });
});
