import Type, { type TSchema } from 'typebox';
import type { Dialect, Documentation } from '../../adapters/dialects/dialect.ts';
import { dialects } from '../../adapters/dialects/index.ts';
import { version } from '../../adapters/version.ts';
import { Customer, EventId, optional, ShopifyId, Text, Time } from '../../schemas/wire.ts';
import { EXPOSED_HEADERS } from '../http/cors.ts';
import { adminPaths, adminShapes } from './openapi-admin.ts';
import { createShapes, type Shape, type Shapes } from './openapi-shapes.ts';

/** An example request. The examples of the document are the fixtures of the tests. */
export interface Example {
  readonly description: string;
  readonly value: unknown;
}

/** By dialect, then by name. */
export type Examples = Readonly<Record<string, Readonly<Record<string, Example>>>>;

const Verdicts = Type.Object(
  {
    events: Type.Array(
      Type.Object({
        index: Type.Optional(Type.Integer()),
        event_id: Type.Optional(Type.String()),
        verdict: Type.Enum(['accepted', 'duplicate', 'rejected']),
        code: Type.Optional(Type.String()),
        reasons: Type.Optional(Type.Array(Type.String())),
      }),
    ),
  },
  { description: 'With `?verbose=1`: what became of each event.' },
);

/** Shapes that are large or used often. */
const shared: Readonly<Record<string, TSchema>> = {
  EventId,
  ShopifyId,
  Customer,
  Time,
  OptionalText: optional(Text, ''),
  OptionalShopifyId: optional(ShopifyId, ''),
  ...Object.assign({}, ...dialects.map(({ documentation }) => documentation.shapes)),
  Verdicts,
  ...adminShapes,
};

const REFUSALS: Readonly<Record<number, string>> = {
  401: 'The token is missing or unknown.',
  403: 'The token does not belong to the named shop, or the shop does not list the origin.',
  405: 'Events are sent with POST.',
  413: 'The body is too large.',
  415: 'The content type or encoding is not taken.',
  429: 'More requests came than this token or shop may send; send it again after `Retry-After`.',
  503: 'The event could not be stored; send it again after `Retry-After`.',
};

/** The OpenAPI 3.1 document of every dialect's endpoint and the admin API, from the schemas that validate them. */
export function openapi(examples: Examples) {
  const shapes = createShapes(shared);
  return {
    openapi: '3.1.0',
    info: {
      title: 'Headless events gateway',
      version: version(),
      description:
        'A 2xx means that every valid event of the request is durable and every invalid one is kept with its reason.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    paths: {
      ...Object.fromEntries(
        dialects.map((dialect) => [dialect.path, { post: eventCall(dialect, examples[dialect.name] ?? {}, shapes) }]),
      ),
      ...Object.fromEntries(
        dialects
          .flatMap(({ sideCalls = [] }) => sideCalls)
          .map(({ path, documentation, examples: own }) => [
            path,
            { post: call(documentation, ['application/json'], own, shapes, OF_ANY_CALL) },
          ]),
      ),
      '/': { get: plain('root', 'Name, version, and where to go next; for balancers too.', { 200: 'It is here.' }) },
      '/healthz': { get: plain('healthz', 'Whether the process is alive.', { 200: 'It is.' }) },
      '/readyz': {
        get: plain('readyz', 'Whether an event sent now would be kept, how durably, and how each pipeline does.', {
          200: 'It would.',
          503: 'It would not.',
        }),
      },
      '/metrics': {
        get: { ...plain('metrics', 'Metrics in the Prometheus text format.', {}), responses: { 200: textAnswer } },
      },
      '/openapi.json': { get: plain('openapi', 'This document.', { 200: 'The document.' }) },
      ...adminPaths(shapes.of),
    },
    components: {
      schemas: shapes.shared,
      headers,
      securitySchemes: {
        ...Object.assign({}, ...dialects.map(({ documentation }) => documentation.security)),
        adminAuth: { type: 'http', scheme: 'bearer', description: 'The ADMIN_TOKEN of the gateway.' },
      },
    },
  };
}

const textAnswer = { description: 'The metrics.', content: { 'text/plain': { schema: { type: 'string' } } } };

/** The path for events: `?verbose=1` asks for verdicts instead of the usual answer. */
function eventCall({ documentation, contentTypes }: Dialect, examples: Examples[string], shapes: Shapes) {
  const { parameters = [], answers } = documentation;
  const withVerdicts = Object.entries(answers).map(([status, { description, body }]) => {
    const either = body && Number(status) < 300 ? Type.Union([body, Verdicts]) : body;
    return [status, { description, ...(either && { body: either }) }] as const;
  });
  const whole = { ...documentation, parameters: [...parameters, verbose], answers: Object.fromEntries(withVerdicts) };
  return call(whole, contentTypes.filter(Boolean), examples, shapes, EXPOSED_HEADERS);
}

function call(
  { operationId, summary, security, parameters = [], body, answers, refusal }: Documentation,
  contentTypes: readonly string[],
  examples: Examples[string],
  { of }: Shapes,
  headerNames: readonly string[],
) {
  const headers = Object.fromEntries(headerNames.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
  const own = Object.entries(answers).map(([status, { description, body }]) => [
    status,
    body ? answer(description, of(body), headers) : { description, headers },
  ]);
  return {
    operationId,
    summary,
    security: Object.keys(security).map((name) => ({ [name]: [] })),
    parameters,
    requestBody: bodyOf(of(body), examples ?? {}, contentTypes),
    responses: { ...Object.fromEntries(own), ...refusals((status) => of(refusal(status)), headers) },
  };
}

const verbose = {
  name: 'verbose',
  in: 'query',
  required: false,
  description: '1: answer what became of each event.',
  schema: { type: 'string', enum: ['1'] },
};

const headers = Object.fromEntries(
  EXPOSED_HEADERS.map((name) => [name, { schema: { type: 'string' }, required: name !== 'Retry-After' }]),
);
/** The exposed headers except the counts of events. */
const OF_ANY_CALL = EXPOSED_HEADERS.filter((name) => !name.startsWith('X-Events-'));

const answer = (description: string, schema: Shape, headers: object) => ({
  description,
  headers,
  content: { 'application/json': { schema } },
});

const refusals = (schemaOf: (status: number) => Shape, headers: object) =>
  Object.fromEntries(
    Object.entries(REFUSALS).map(([status, description]) => [
      status,
      answer(description, schemaOf(Number(status)), headers),
    ]),
  );

function bodyOf(schema: Shape, examples: Readonly<Record<string, Example>>, types: readonly string[]) {
  const named = Object.fromEntries(
    Object.entries(examples).map(([name, { description, value }]) => [name, { summary: description, value }]),
  );
  return {
    required: true,
    content: Object.fromEntries(
      types.map((type) => [type, type === 'application/json' ? { schema, examples: named } : { schema }]),
    ),
  };
}

function plain(operationId: string, summary: string, answers: Readonly<Record<number, string>>) {
  const responses = Object.entries(answers).map(([status, description]) => [
    status,
    { description, content: { 'application/json': { schema: { type: 'object' } } } },
  ]);
  return { operationId, summary, security: [], responses: Object.fromEntries(responses) };
}
