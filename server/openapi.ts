import Type, { type TSchema } from 'typebox';
import { GloodBody } from '../schemas/glood.ts';
import { LayersBody } from '../schemas/layers.ts';
import { Customer, EventId, optional, ShopifyId, Text, Time } from '../schemas/wire.ts';
import { adminPaths, adminShapes } from './admin/openapi.ts';
import { EXPOSED_HEADERS } from './cors.ts';
import { createShapes, type Shape, type Shapes } from './openapi-shapes.ts';

/** One request as clients send it: the tests' fixtures are the document's examples. */
export interface Example {
  readonly description: string;
  readonly value: unknown;
}

export interface Examples {
  readonly layers: Readonly<Record<string, Example>>;
  readonly glood: Readonly<Record<string, Example>>;
}

const LayersErrors = Type.Object(
  { errors: Type.Array(Type.String({ description: 'What was expected, what came.' })) },
  { description: 'Why the request was refused as a whole.' },
);
const Unauthenticated = Type.Object({ error: Type.Literal('Unauthenticated') });
const GloodError = Type.Object(
  { error: Type.Integer({ format: 'int32', description: 'The HTTP status.' }), message: Type.String() },
  { description: 'Why the event was refused, with the path of the offending value.' },
);
const GloodOk = Type.Object({ ok: Type.Literal(true) });
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

/** Shapes that are large or come up often. */
const shared: Readonly<Record<string, TSchema>> = {
  EventId,
  ShopifyId,
  Customer,
  Time,
  OptionalText: optional(Text, ''),
  OptionalShopifyId: optional(ShopifyId, ''),
  LayersBody,
  LayersErrors,
  GloodBody,
  GloodError,
  Verdicts,
  ...adminShapes,
};

const REFUSALS: Readonly<Record<number, string>> = {
  401: 'The token is missing or unknown.',
  403: 'The token does not belong to the named shop, or the shop does not list the origin.',
  405: 'Events are sent with POST.',
  413: 'The body is too large.',
  415: 'The content type or encoding is not taken.',
  503: 'The event could not be stored; send it again after `Retry-After`.',
};

/** The OpenAPI 3.1 document of both endpoints and the admin API, from the schemas that validate them. */
export function openapi(examples: Examples) {
  const shapes = createShapes(shared);
  return {
    openapi: '3.1.0',
    info: {
      title: 'Headless events gateway',
      version: '1.0.0',
      description:
        'A 2xx means that every valid event of the request is durable and every invalid one is kept with its reason.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    paths: {
      '/beacon': { post: beacon(examples.layers, shapes) },
      '/api/storefront/v3/headless/events': { post: headlessEvents(examples.glood, shapes) },
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
        storefrontToken: { type: 'apiKey', in: 'header', name: 'X-Storefront-Access-Token' },
        storefrontTokenQuery: {
          type: 'apiKey',
          in: 'query',
          name: 'token',
          description: 'For sendBeacon, which cannot set headers. The header wins.',
        },
        bearerAuth: { type: 'http', scheme: 'bearer', description: "One of the shop's tokens." },
        adminAuth: { type: 'http', scheme: 'bearer', description: 'The ADMIN_TOKEN of the gateway.' },
      },
    },
  };
}

const textAnswer = { description: 'The metrics.', content: { 'text/plain': { schema: { type: 'string' } } } };

function beacon(examples: Examples['layers'], { of }: Shapes) {
  return {
    operationId: 'beacon',
    summary: 'Layers Tracking API: capture 1 to 100 events.',
    security: [{ storefrontToken: [] }, { storefrontTokenQuery: [] }],
    parameters: [verbose],
    requestBody: bodyOf(of(LayersBody), examples, ['application/json', 'text/plain']),
    responses: {
      201: answer(
        'Every valid event is stored, every invalid one is quarantined. The body is null.',
        of(Type.Union([Type.Null(), Verdicts])),
      ),
      204: { description: 'The same, for shops with `successStatus: 204`.', headers: referred },
      400: answer('The body could not be decompressed.', of(LayersErrors)),
      422: answer(
        'The body as a whole is wrong: not JSON, or `events` missing, empty or longer than 100.',
        of(LayersErrors),
      ),
      ...refusals((status) => of(status === 401 ? Unauthenticated : LayersErrors)),
    },
  };
}

function headlessEvents(examples: Examples['glood'], { of }: Shapes) {
  return {
    operationId: 'sendHeadlessEvent',
    summary: 'Glood headless events: send one event.',
    security: [{ bearerAuth: [] }],
    parameters: [
      {
        name: 'x-shop',
        in: 'header',
        required: false,
        description: "The shop's domain, where the body has no shop_domain.",
        schema: { type: 'string' },
      },
      verbose,
    ],
    requestBody: bodyOf(of(GloodBody), examples, ['application/json']),
    responses: {
      200: answer('The event is stored.', of(Type.Union([GloodOk, Verdicts]))),
      400: answer('The event is not valid; it is kept in quarantine.', of(GloodError)),
      ...refusals(() => of(GloodError)),
    },
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
const referred = Object.fromEntries(EXPOSED_HEADERS.map((name) => [name, { $ref: `#/components/headers/${name}` }]));

const answer = (description: string, schema: Shape) => ({
  description,
  headers: referred,
  content: { 'application/json': { schema } },
});

const refusals = (schemaOf: (status: number) => Shape) =>
  Object.fromEntries(
    Object.entries(REFUSALS).map(([status, description]) => [status, answer(description, schemaOf(Number(status)))]),
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
