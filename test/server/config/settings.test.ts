import * as assert from 'uvu/assert';
import { Settings } from '../../../schemas/settings.ts';
import { ConfigError } from '../../../server/base/errors.ts';
import { type Environment, isProduction, readSettings, rolesOf } from '../../../server/config/settings.ts';
import { describe } from '../../support/describe.ts';

function mistakesOf(env: Environment): readonly string[] {
  try {
    readSettings(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.mistakes;
    throw error;
  }
  return [];
}

describe('settings', ({ it }) => {
  it('needs nothing set', () => {
    const settings = readSettings({});
    assert.is(settings.PORT, 3000);
    assert.is(settings.LOG_URL, 'lmdb:data/log');
    assert.is(settings.LOG_MAX_BYTES, 10_737_418_240);
    assert.equal(settings.GEO_HEADERS, []);
    assert.is(settings.ADMIN_TOKEN, undefined);
  });

  it('reads numbers, switches and lists from text', () => {
    const settings = readSettings({ PORT: ' 8080 ', ALLOW_WEAK_DURABILITY: '1', GEO_HEADERS: 'cloudflare, vercel,' });
    assert.is(settings.PORT, 8080);
    assert.is(settings.ALLOW_WEAK_DURABILITY, true);
    assert.equal(settings.GEO_HEADERS, ['cloudflare', 'vercel']);
    assert.is(readSettings({ ALLOW_WEAK_DURABILITY: 'off' }).ALLOW_WEAK_DURABILITY, false);
  });

  it('takes an empty variable for one that is not set', () => {
    assert.is(readSettings({ PORT: '', ADMIN_TOKEN: ' ' }).PORT, 3000);
  });

  it('leaves out what is none of its business', () => {
    assert.not('PATH' in readSettings({ PATH: '/bin' }));
  });

  it('reports every mistake at once, saying what was expected and what came', () => {
    const mistakes = mistakesOf({
      PORT: 'abc',
      RETENTION_DAYS: '1.5',
      LOG_LEVEL: 'infos',
      GEO_HEADERS: 'cloudflair',
      ALLOW_WEAK_DURABILITY: 'maybe',
    });
    assert.equal(mistakes, [
      'PORT: must be a whole number from 0 to 65535, got "abc"',
      'RETENTION_DAYS: must be a whole number from 1 to 3650, got 1.5',
      'GEO_HEADERS: must be one of cloudflare, vercel, cloudfront, appengine, netlify, fastly, google, akamai, contentstack, got "cloudflair"; did you mean cloudflare?',
      'LOG_LEVEL: must be one of trace, debug, info, warn, error, fatal, silent, got "infos"; did you mean info?',
      'ALLOW_WEAK_DURABILITY: must be true or false, got "maybe"',
    ]);
  });

  it('finds mistakes in as many variables as there are', () => {
    const env = Object.fromEntries(
      Object.entries(Settings.properties)
        .filter(([, schema]) => 'type' in schema && schema.type === 'integer')
        .map(([name]) => [name, 'many']),
    );
    assert.ok(Object.keys(env).length > 12);
    assert.is(mistakesOf(env).length, Object.keys(env).length);
  });

  it('says what cannot start, one mistake a line', () => {
    assert.is(new ConfigError(['a', 'b']).message, 'Cannot start:\n  - a\n  - b');
  });

  it('never shows a secret', () => {
    const secrets = {
      ADMIN_TOKEN: 'hunter2',
      DATABASE_URL: 'mysql://me:hunter2@db/x',
      LOG_URL: 'my://me:hunter2@db/x',
    };
    const mistakes = mistakesOf(secrets);
    assert.is(mistakes.length, 3);
    assert.not.match(mistakes.join('\n'), /hunter2/);
    assert.match(mistakes.join('\n'), /ADMIN_TOKEN: must be at least 32 characters .*, got 7 characters/);
  });

  it('refuses windows that contradict each other, beside other mistakes', () => {
    const mistakes = mistakesOf({ PORT: 'x', DEDUP_HOURS: '200', HEADERS_TIMEOUT_SECONDS: '20' });
    assert.is(mistakes.length, 3);
    assert.is(mistakes[1], 'DEDUP_HOURS: must be at most 168 (RETENTION_DAYS in hours), got 200');
    assert.is(mistakes[2], 'HEADERS_TIMEOUT_SECONDS: must be at most 15 (REQUEST_TIMEOUT_SECONDS), got 20');
  });

  it('trusts one proxy on Heroku unless told otherwise', () => {
    assert.is(readSettings({}).TRUST_PROXY_HOPS, 0);
    assert.is(readSettings({ DYNO: 'web.1' }).TRUST_PROXY_HOPS, 1);
    assert.is(readSettings({ DYNO: 'web.1', TRUST_PROXY_HOPS: '2' }).TRUST_PROXY_HOPS, 2);
  });

  it('keeps the log in the database that the platform provides, unless LOG_URL says otherwise', () => {
    const DATABASE_URL = 'postgres://me:secret@db/events';
    assert.is(readSettings({ DATABASE_URL }).LOG_URL, DATABASE_URL);
    assert.is(readSettings({ DATABASE_URL, LOG_URL: 'memory:' }).LOG_URL, 'memory:');
  });

  it('is in production by name or on Heroku', () => {
    assert.is(isProduction(readSettings({})), false);
    assert.is(isProduction(readSettings({ NODE_ENV: 'production' })), true);
    assert.is(isProduction(readSettings({ DYNO: 'web.1' })), true);
  });

  it('runs web and worker apart on PostgreSQL only, and says what else there is', () => {
    const DATABASE_URL = 'postgres://me:secret@db/events';
    for (const PROCESS of ['web', 'worker']) {
      assert.is(readSettings({ PROCESS, DATABASE_URL }).PROCESS, PROCESS);
      assert.is(readSettings({ PROCESS, LOG_URL: 'postgresql://db/events' }).PROCESS, PROCESS);
      for (const LOG_URL of ['memory:', 'lmdb:data/log', ''])
        assert.match(
          mistakesOf({ PROCESS, LOG_URL }).join(),
          /PROCESS: must be all if LOG_URL is (memory|lmdb):….*WEB_CONCURRENCY.*PostgreSQL/,
        );
    }
    assert.match(
      mistakesOf({ PROCESS: 'workers' }).join(),
      /PROCESS: must be one of all, web, worker.*did you mean worker/,
    );
    assert.match(mistakesOf({ WEB_CONCURRENCY: '65' }).join(), /WEB_CONCURRENCY: must be a whole number from 1 to 64/);
  });

  it('gives a port to a worker only where one is set', () => {
    const worker = readSettings({ PROCESS: 'worker', DATABASE_URL: 'postgres://db/events' });
    assert.equal(rolesOf(worker, {}), { deliversEvents: true, serves: 'nothing' });
    assert.equal(rolesOf(worker, { PORT: ' ' }), { deliversEvents: true, serves: 'nothing' });
    assert.equal(rolesOf(worker, { PORT: '3000' }), { deliversEvents: true, serves: 'health' });
    assert.equal(rolesOf({ ...worker, PROCESS: 'web' }, {}), { deliversEvents: false, serves: 'everything' });
    assert.equal(rolesOf(readSettings({}), {}), { deliversEvents: true, serves: 'everything' });
  });

  it('describes every setting', () => {
    for (const [name, schema] of Object.entries(Settings.properties))
      assert.ok('description' in schema && String(schema.description).length > 10, name);
  });
});
