import { readFileSync } from 'node:fs';
import Schema from 'typebox/schema';
import * as assert from 'uvu/assert';
import { dialects } from '../../../adapters/dialects/index.ts';
import { openapi } from '../../../server/docs/openapi.ts';
import { describe } from '../../support/describe.ts';
import { examples } from '../../support/examples.ts';

const [initPath = ''] = dialects.flatMap(({ sideCalls = [] }) => sideCalls).map(({ path }) => path);

type Json = Readonly<Record<string, unknown>>;

const text = readFileSync('server/docs/openapi.json', 'utf8');
const document = JSON.parse(text) as Json;

describe('server/docs/openapi.json', ({ it }) => {
  it('is what the schemas and the fixtures give', () => {
    const now = `${JSON.stringify(openapi(examples()), null, 2)}\n`;
    assert.ok(text === now, 'server/docs/openapi.json is outdated: run `npm run openapi` and commit the result');
  });

  it('has examples that fit the schema they stand with', () => {
    const checked = found(document, isMedia).map(({ schema, examples = {} }) => {
      for (const [name, example] of Object.entries(examples as Record<string, { value: unknown }>)) {
        const errors = mistakesIn(schema as Json, example.value);
        assert.is(errors, '', `${name}: ${errors}`);
      }
      return Object.keys(examples as Json).length;
    });
    assert.ok(checked.reduce((sum, count) => sum + count, 0) >= 40, 'hardly any examples');
  });

  it('has schemas that refuse what does not fit', () => {
    const schemas = found(document, isMedia).filter(({ examples }) => examples !== undefined);
    // Where events go, and init, which may be empty.
    assert.is(schemas.length, dialects.length + 1);
    const wrong = { events: [{}], event: 7, user_id: 7 };
    for (const { schema } of schemas) assert.is.not(mistakesIn(schema as Json, wrong), '');
  });

  it('speaks JSON Schema and no words of ours', () => {
    const schemas = schemasIn(document);
    assert.ok(schemas.length > 200, 'hardly any schemas');
    for (const schema of schemas)
      for (const word of Object.keys(schema))
        assert.ok(WORDS.has(word), `${word} in ${JSON.stringify(schema).slice(0, 200)}`);
    assert.not.match(text, /"x-(?!shop")/);
  });

  it('refers only to what is there, and has nothing that nobody refers to', () => {
    const { schemas, headers } = document.components as { schemas: Json; headers: Json };
    const there = [
      ...Object.keys(schemas).map((name) => `#/components/schemas/${name}`),
      ...Object.keys(headers).map((name) => `#/components/headers/${name}`),
    ];
    const meant = found(document, (value) => typeof value.$ref === 'string').map(({ $ref }) => $ref);
    assert.equal([...new Set(meant)].sort(), there.sort());
  });

  it('has one style of its own: snake_case, and times in ISO 8601', () => {
    const own = ownSchemas();
    assert.ok(own.length > 150, 'hardly any schemas');
    for (const schema of own) {
      for (const [name, inner] of Object.entries((schema.properties ?? {}) as Record<string, Json>)) {
        assert.match(name, SNAKE_CASE, `${name} in ${JSON.stringify(schema).slice(0, 200)}`);
        if (TIME.test(name)) assert.is(inner.format, 'date-time', `${name} in ${JSON.stringify(schema).slice(0, 200)}`);
      }
    }
    const parameters = found(document.paths, (value) => value.in === 'query' || value.in === 'path');
    assert.ok(parameters.length > 30, 'hardly any parameters');
    for (const { name } of parameters) assert.match(String(name), SNAKE_CASE);
    const named = Object.keys(document.paths as Json).flatMap((path) => [...path.matchAll(/\{(\w+)\}/g)]);
    for (const [, name = ''] of named) assert.match(name, SNAKE_CASE);
  });

  it('promises counts of events where events are sent, and nowhere else', () => {
    const { paths } = document as {
      paths: Record<string, { post?: { responses: Record<string, { headers?: object }> } }>;
    };
    const counts = (path: string) =>
      Object.values(paths[path]?.post?.responses ?? {}).map(({ headers = {} }) => 'X-Events-Accepted' in headers);
    for (const { path } of dialects) assert.ok(counts(path).every(Boolean), path);
    assert.ok(counts(initPath).length > 5);
    assert.not.ok(counts(initPath).some(Boolean));
  });

  it('is small enough to be read', () => {
    const bytes = Buffer.byteLength(JSON.stringify(document));
    assert.ok(bytes < 170_000, `it is served with ${bytes} bytes: share schemas in components`);
  });
});

/** JSON Schema 2020-12, as far as the document uses it. */
const WORDS = new Set(
  `$ref type const enum format pattern minimum maximum minLength maxLength minItems maxItems items required
  properties patternProperties additionalProperties anyOf allOf oneOf default title description`.split(/\s+/),
);

const SNAKE_CASE = /^[a-z][a-z0-9]*(_[a-z0-9]+)*$/;
/** What names a moment. */
const TIME = /^(at|since|timestamp)$|_(at|since)$/;

/** All schemas but those of the contracts, which are as others wrote them. */
function ownSchemas(): Json[] {
  const { schemas } = document.components as { schemas: Json };
  const theirs = new Set(dialects.flatMap(({ documentation }) => Object.keys(documentation.shapes)));
  const paths = Object.entries(document.paths as Json).filter(
    ([path]) => !dialects.some((dialect) => dialect.path === path) && path !== initPath,
  );
  const stated = found(Object.fromEntries(paths), (value) => typeof value.schema === 'object');
  const shared = Object.entries(schemas).filter(([name]) => !theirs.has(name));
  return [...stated.map(({ schema }) => schema), ...shared.map(([, schema]) => schema)].flatMap(withParts);
}

/** A schema of the document may refer to any part of it. */
function mistakesIn(schema: Json, value: unknown): string {
  const [valid, errors] = Schema.Errors({ ...schema, components: document.components } as never, value);
  if (valid) return '';
  return errors.map(({ instancePath, message }) => `${instancePath} ${message}`).join('; ') || 'it does not fit';
}

/** Every object of the document that fits, but none within examples, which are not its own words. */
function found(value: unknown, fits: (value: Json) => boolean): Json[] {
  if (typeof value !== 'object' || value === null) return [];
  const within = Object.entries(value).flatMap(([name, inner]) => (name === 'examples' ? [] : found(inner, fits)));
  return fits(value as Json) ? [value as Json, ...within] : within;
}

const isMedia = (value: Json): boolean => typeof value.schema === 'object' && !('in' in value);

/** All schemas: those behind `schema`, those in components, and those within them. */
function schemasIn(root: Json): Json[] {
  const { schemas } = root.components as { schemas: Json };
  const stated = found(root, (value) => typeof value.schema === 'object').map(({ schema }) => schema);
  return [...stated, ...Object.values(schemas)].flatMap(withParts);
}

function withParts(schema: unknown): Json[] {
  if (typeof schema !== 'object' || schema === null) return [];
  const { items, additionalProperties, anyOf = [], allOf = [], oneOf = [], ...rest } = schema as Json;
  const named = [rest.properties, rest.patternProperties].flatMap((all) => Object.values((all ?? {}) as Json));
  const parts = [items, additionalProperties, ...[anyOf, allOf, oneOf].flat(), ...named];
  return [schema as Json, ...parts.flatMap(withParts)];
}
