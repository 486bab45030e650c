import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Type from 'typebox';
import * as assert from 'uvu/assert';
import type { Destination } from '../../../adapters/destinations/destination.ts';
import { destinations as real } from '../../../adapters/destinations/index.ts';
import { dialects } from '../../../adapters/dialects/index.ts';
import { type Config, configSchema, settingsOf } from '../../../schemas/config.ts';
import { ConfigError } from '../../../server/base/errors.ts';
import { findConfig } from '../../../server/config/find.ts';
import { loadConfig } from '../../../server/config/load.ts';
import { type Environment, readSettings } from '../../../server/config/settings.ts';
import { describe } from '../../support/describe.ts';
import { temporaryFolder } from '../../support/folder.ts';

const settings = Type.Object({
  url: Type.String({ description: 'Where to.' }),
  secret: Type.Optional(Type.String({ sensitive: true, minLength: 8, description: 'Signs.' })),
  headers: Type.Record(Type.String(), Type.String(), { default: {}, sensitive: true, description: 'More.' }),
  batchSize: Type.Integer({ default: 100, minimum: 1, maximum: 500, description: 'Most events at once.' }),
});

const post: Destination<typeof settings> = {
  type: 'post',
  description: 'Posts.',
  settings,
  maxBatch: () => 1,
  check: ({ url }) => (url.startsWith('https:') ? [] : [`url: expected https:, came ${url}`]),
  connect: () => ({ send: async () => [] }),
};
const drop: Destination = {
  type: 'drop',
  description: 'Drops.',
  settings: Type.Object({}),
  maxBatch: () => 1,
  connect: () => ({ send: async () => [] }),
};
const destinations: readonly Destination[] = [post as unknown as Destination, drop];

const load = (source: string, env: Environment = {}): Config => loadConfig({ source, env, destinations });

function placedMistakesOf(source: string, env: Environment = {}): readonly string[] {
  try {
    load(source, env);
  } catch (error) {
    if (error instanceof ConfigError) return error.mistakes;
    throw error;
  }
  return [];
}

/** Without places: most texts here are one line of JSON. */
const mistakesOf = (source: string, env?: Environment): string[] =>
  placedMistakesOf(source, env).map((mistake) => mistake.replace(/ \(line 1, column \d+\):/, ':'));

const shopWith = (fields: object): object => ({ shop: 'a.myshopify.com', tokens: ['token-a'], ...fields });
const withShops = (...shops: object[]): string => JSON.stringify({ shops });
const withDestination = (destination: unknown): string =>
  withShops(shopWith({ pipelines: [{ id: 'p', destination }] }));

describe('configuration', ({ it }) => {
  it('fills in every default, also of the destination', () => {
    const source = withDestination({ type: 'post', url: 'https://x.example' });
    assert.equal(load(source).shops, [
      {
        shop: 'a.myshopify.com',
        aliases: [],
        tokens: ['token-a'],
        serverTokens: [],
        successStatus: 201,
        customEvents: [],
        glood: { allowShopHeaderOnly: false, config: {}, allowPrivateNetworks: false },
        pipelines: [
          {
            id: 'p',
            events: ['*'],
            consent: [],
            whenUnknown: 'filter',
            trust: 'any',
            lanes: 1,
            destination: { type: 'post', url: 'https://x.example', headers: {}, batchSize: 100 },
          },
        ],
      },
    ]);
  });

  it('gives a destination its settings without its type', () => {
    assert.equal(settingsOf({ type: 'post', url: 'u' }), { url: 'u' });
  });

  it('reads a file as well as the text itself, YAML or JSON', () => {
    const folder = temporaryFolder();
    const path = join(folder.path, 'gateway.yaml');
    writeFileSync(path, 'shops:\n  - { shop: a.myshopify.com, tokens: [token-a] }\n');
    assert.equal(load(path), load(withShops(shopWith({}))));
    assert.equal(load(path), load('shops: [{ shop: a.myshopify.com, tokens: [token-a] }]'));
    folder.remove();
  });

  it('says which file cannot be read', () => {
    assert.match(
      mistakesOf('nowhere/gateway.yaml')[0] ?? '',
      /^GATEWAY_CONFIG: must be .*, got nowhere\/gateway\.yaml \(ENOENT\); correct the path, or let this user read it$/,
    );
  });

  it('says where in a file or text the syntax is wrong, without quoting it', () => {
    const [mistake] = mistakesOf('shops:\n  - shop: "a.myshopify.com" token-a\n');
    assert.is(mistake, 'the configuration, line 2, column 29: Unexpected scalar at node end');
    assert.not.match(mistakesOf('- a\nb: hunter2').join('\n'), /hunter2/);
    assert.match(mistakesOf('shops:\n  - events: [*]')[0] ?? '', /line 2, column 14: .*must be in quotes/);
    assert.match(mistakesOf('shops: *hunter2\n')[0] ?? '', /line 1, column 8: an alias .*must be in quotes/);
    assert.not.match(mistakesOf('shops: *hunter2\n')[0] ?? '', /hunter2/);
  });

  it('fills in variables, and tells a missing one with its place and name', () => {
    const source = withDestination({ type: 'post', url: `https://\${HOST}/$\${x}/\${HOST}`, secret: `\${SECRET}` });
    const config = load(source, { HOST: 'x.example', SECRET: 'long-enough' });
    assert.is(config.shops[0]?.pipelines[0]?.destination.url, `https://x.example/\${x}/x.example`);
    assert.equal(mistakesOf(source, { HOST: 'x.example', SECRET: '' }), [
      `shops[0].pipelines[0].destination.secret: must name an environment variable with a value, got \${SECRET}, which is not set or empty; set SECRET`,
    ]);
  });

  it('does not fill variables in twice, nor read their values as YAML', () => {
    const source = `shops:\n  - { shop: a.myshopify.com, tokens: ["\${TOKEN}"] }`;
    assert.equal(load(source, { TOKEN: `\${HOME},]` }).shops[0]?.tokens, [`\${HOME},]`]);
  });

  it('refuses a reference that names no variable', () => {
    assert.match(mistakesOf(withShops(shopWith({ tokens: [`\${not a name}`] })))[0] ?? '', /must name a variable/);
    assert.match(mistakesOf(withShops(shopWith({ tokens: [`\${OPEN`] })))[0] ?? '', /must name a variable/);
  });

  it('reports every mistake at once, each with its path', () => {
    const source = withShops(
      shopWith({ orgins: ['https://x.example'], successStatus: 200, tokens: [] }),
      { shop: 'https://b.myshopify.com', tokens: [5] },
      shopWith({
        shop: 'c.myshopify.com',
        tokens: ['token-c'],
        glood: { allowShopHeaderOnly: 'yes' },
        pipelines: [
          { id: 'A B', events: [], destination: { type: 'pots' } },
          { id: 'p', consent: ['analytic'], destination: { type: 'post', url: 'https://x.example', batchSize: 900 } },
          { id: 'q', destination: {} },
          { id: 'r' },
          null,
        ],
      }),
    );
    assert.equal(mistakesOf(source), [
      'shops[0].orgins: must be a known key; did you mean origins?',
      'shops[0].tokens: must be a non-empty list, each a token without spaces, or sha256: and 64 hex digits in lower case, got an empty list',
      'shops[0].successStatus: must be one of 201, 204, got 200',
      'shops[1].shop: must be a domain in lower case such as demo.myshopify.com, got "https://b.myshopify.com"',
      'shops[1].tokens[0]: must be a token without spaces, or sha256: and 64 hex digits in lower case, got a number; put it in quotes',
      'shops[2].glood.allowShopHeaderOnly: must be true or false, got "yes"',
      'shops[2].pipelines[0].id: must be up to 63 lower-case letters, digits, - and _, without an end such as -r1, which replays have, got "A B"',
      'shops[2].pipelines[0].events: must be a non-empty list, each an event name without spaces, got an empty list',
      'shops[2].pipelines[0].destination.type: must be one of post, drop, got "pots"; did you mean post?',
      'shops[2].pipelines[1].consent[0]: must be one of analytics, marketing, preferences, sale_of_data, got "analytic"; did you mean analytics?',
      'shops[2].pipelines[1].destination.batchSize: must be a whole number from 1 to 500, got 900',
      'shops[2].pipelines[2].destination.type: must be one of post, drop, got nothing',
      'shops[2].pipelines[3].destination: must be a destination with one of these types: post, drop, got nothing',
      'shops[2].pipelines[4]: must be a pipeline, got nothing',
    ]);
  });

  it('says the line and column of each, also where a variable gave the value, and never what it gave', () => {
    const source = `shops:
  - shop: a.myshopify.com
    tokens:
      - "\${TOKEN}"
      - "\${TOKEN}"
    origins: ["https://X.example"]
    pipelines:
      - id: p
        lanes: \${LANES}
        event: [search]
        destination: { type: post, url: "\${URL}" }
      - id: p
        destination: { type: drop }
      - id: q
`;
    const env = { TOKEN: 'hunter2-hunter2', LANES: '4', URL: 'http://hunter2.example/' };
    assert.equal(placedMistakesOf(source, env), [
      'shops[0].pipelines[0].event (line 10, column 9): must be a known key; did you mean events?',
      `shops[0].pipelines[0].lanes (line 9, column 9): must be a whole number from 1 to 16, got "\${LANES}"; a variable always gives text: write the value itself`,
      'shops[0].pipelines[2].destination (line 14, column 9): must be a destination with one of these types: post, drop, got nothing',
      'shops[0].tokens[1] (line 5, column 9): must be unique, got the same token as shops[0].tokens[0] (a.myshopify.com)',
      'shops[0].pipelines[1].id (line 12, column 9): must be unique, got the same id as shops[0].pipelines[0].id (a.myshopify.com)',
      'shops[0].origins[0] (line 6, column 15): must be an origin as browsers write it, got "https://X.example"; write https://x.example',
      `shops[0].pipelines[0].destination.url (line 11, column 36): expected https:, came \${URL}`,
    ]);
  });

  it('refuses the names that replays have', () => {
    const withIds = (...ids: string[]) =>
      withShops(shopWith({ pipelines: ids.map((id) => ({ id, destination: { type: 'drop' } })) }));
    assert.equal(mistakesOf(withIds('archive-r1')), [
      'shops[0].pipelines[0].id: must be up to 63 lower-case letters, digits, - and _, without an end such as -r1, which replays have, got "archive-r1"',
    ]);
    assert.equal(mistakesOf(withIds('archive-r1a', 'archive-r', 'archive_r1', 'r1', 'a-r1-b')), []);
  });

  it('refuses settings that the destination does not know or objects to', () => {
    assert.equal(mistakesOf(withDestination({ type: 'post', url: 'http://x.example' })), [
      'shops[0].pipelines[0].destination.url: expected https:, came http://x.example',
    ]);
    assert.equal(mistakesOf(withDestination({ type: 'post', url: 'https://x.example', batch_size: 3 })), [
      'shops[0].pipelines[0].destination.batch_size: must be a known key; did you mean batchSize?',
    ]);
    assert.equal(mistakesOf(withDestination({ type: 'drop', colour: 'red' })), [
      'shops[0].pipelines[0].destination.colour: must be a known key; known are type',
    ]);
  });

  it('refuses what is no configuration at all', () => {
    assert.equal(mistakesOf('\n'), ['the configuration: must be a configuration with shops, got nothing']);
    assert.equal(mistakesOf('- a\n- b\n'), ['the configuration: must be a configuration with shops, got a list']);
    assert.match(mistakesOf('{}')[0] ?? '', /^shops: must be .*, got nothing$/);
  });

  it('never shows a secret, wherever it is', () => {
    const secret = 'hunter2-hunter2';
    const bad = [
      withDestination({ type: 'post', url: `http://me:${secret}@x.example/` }),
      withDestination({ type: 'post', url: 'https://x.example', secret: 'hunter2' }),
      withDestination({ type: 'post', url: 'https://x.example', headers: { authorization: 424242 } }),
      withDestination({ type: 'post', url: `http://x.example/\${SECRET}` }),
      withDestination({ type: 'post', url: 'https://x.example', batchSize: `\${SECRET}` }),
      withShops(shopWith({ tokens: [`${secret} `] })),
      withShops(shopWith({ tokens: [secret] }), shopWith({ shop: 'b.myshopify.com', tokens: [secret] })),
    ];
    for (const source of bad) {
      const mistakes = mistakesOf(source, { SECRET: secret });
      assert.ok(mistakes.length > 0, source);
      assert.not.match(mistakes.join('\n'), /hunter2|424242/);
    }
  });

  it('accepts a token as its digest, and refuses half a digest', () => {
    const digest = createHash('sha256').update('token-a').digest('hex');
    assert.equal(mistakesOf(withShops(shopWith({ tokens: [`sha256:${digest}`] }))), []);
    assert.is(mistakesOf(withShops(shopWith({ tokens: ['sha256:abc'] }))).length, 1);
  });

  it('refuses names that two places claim, also a token written as a digest', () => {
    const digest = createHash('sha256').update('token-a').digest('hex');
    const pipeline = { id: 'p', destination: { type: 'drop' } };
    const source = withShops(
      shopWith({ aliases: ['shop.example.com'], pipelines: [pipeline, pipeline] }),
      { shop: 'b.myshopify.com', tokens: [`sha256:${digest}`], pipelines: [pipeline] },
      { shop: 'shop.example.com', tokens: ['token-c'], serverTokens: ['token-c'] },
      { shop: 'a.myshopify.com', tokens: ['token-d'] },
    );
    assert.equal(mistakesOf(source), [
      'shops[0].pipelines[1].id: must be unique, got the same id as shops[0].pipelines[0].id (a.myshopify.com)',
      'shops[1].tokens[0]: must be unique, got the same token as shops[0].tokens[0] (a.myshopify.com)',
      'shops[2].shop: must be unique, got the same domain as shops[0].aliases[0] (a.myshopify.com)',
      'shops[2].serverTokens[0]: must be unique, got the same token as shops[2].tokens[0] (shop.example.com)',
      'shops[3].shop: must be unique, got the same domain as shops[0].shop (a.myshopify.com)',
    ]);
  });

  it('refuses origins that no browser would send', () => {
    const origins = [
      'https://x.example',
      'http://localhost:3000',
      'http://[::1]:8080',
      'capacitor://localhost',
      'null',
    ];
    assert.equal(mistakesOf(withShops(shopWith({ origins }))), []);
    const never = ['https://x.example:443', 'https://X.example', 'https://x.example/', '*', 'x.example'];
    const mistakes = mistakesOf(withShops(shopWith({ origins: never })));
    assert.is(mistakes.length, never.length);
    assert.match(mistakes.join('\n'), /origins\[0\]: .*; write https:\/\/x\.example$/m);
  });
});

describe('the configuration to use', ({ it }) => {
  const nothing = (): boolean => false;

  it('is what GATEWAY_CONFIG says, a path or the text', () => {
    const found = (GATEWAY_CONFIG: string) => findConfig(readSettings({ GATEWAY_CONFIG }), () => true);
    assert.equal(found('shops.yaml'), { kind: 'file', source: 'shops.yaml' });
    for (const text of ['shops:\n  - shop: x', '{"shops": []}', 'shops: [{ shop: x }]'])
      assert.equal(found(text), { kind: 'text', source: text });
  });

  it('is gateway.yaml where there is one', () => {
    const exists = (path: string): boolean => path === 'gateway.yaml';
    const found = findConfig(readSettings({ NODE_ENV: 'production' }), exists);
    assert.equal(found, { kind: 'file', source: 'gateway.yaml' });
  });

  it('is a demo shop in development, and it loads', () => {
    const { kind, source } = findConfig(readSettings({}), nothing);
    assert.is(kind, 'demo');
    const [shop] = loadConfig({ source, env: {}, destinations: real }).shops;
    assert.is(shop?.shop, 'demo.myshopify.com');
    assert.equal(shop?.tokens, ['demo-token']);
    assert.is(shop?.pipelines[0]?.id, 'archive');
    assert.is(shop?.pipelines[0]?.destination.directory, 'data/archive');
  });

  it('must be there in production; the refusal shows how', () => {
    for (const env of [{ NODE_ENV: 'production' }, { DYNO: 'web.1' }])
      assert.throws(
        () => findConfig(readSettings(env), nothing),
        (error: Error) => /GATEWAY_CONFIG.*shops:.*pipelines:/s.test(error.message),
      );
  });

  it('is explained by an example that loads', () => {
    const env = { STOREFRONT_TOKEN: 'storefront', SERVER_TOKEN: 'server', HOOK_SECRET: `whsec_${'A'.repeat(40)}` };
    const source = 'gateway.example.yaml';
    const [shop] = loadConfig({ source, env, destinations: real }).shops;
    assert.equal(Object.keys(shop ?? {}).sort(), Object.keys(shopFields()).sort());
    assert.equal(Object.keys(shop?.pipelines.at(-1) ?? {}).sort(), Object.keys(pipelineFields()).sort());
  });
});

const shopFields = () => configSchema([], dialects).properties.shops.items.properties;
const pipelineFields = () => shopFields().pipelines.items.properties;
