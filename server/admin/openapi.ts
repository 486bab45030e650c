import Type, { type TSchema } from 'typebox';
import * as shapes from '../../schemas/admin.ts';
import { Event } from '../../schemas/event.ts';
import { type AdminCall, adminCalls, pathNames } from './calls.ts';

/** Shapes that are large or come up often are written once and referred to. */
const shared: Readonly<Record<string, TSchema>> = {
  Event,
  AdminError: shapes.AdminError,
  Receipt: shapes.Receipt,
  PipelineReport: shapes.PipelineReport,
  DeadLetter: shapes.DeadLetter,
  Quarantined: shapes.Quarantined,
  ReplayPlan: shapes.ReplayPlan,
  ReplayJob: shapes.ReplayJob,
  Balance: shapes.Balance,
};
const names = new Map(Object.entries(shared).map(([name, schema]) => [schema, name]));

/** The admin API's part of the OpenAPI document. */
export function adminPaths(): Record<string, Record<string, unknown>> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const [name, call] of Object.entries<AdminCall>(adminCalls)) {
    const path = call.path.replaceAll(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [call.method]: operation(name, call) };
  }
  return paths;
}

/** What `adminPaths` refers to. */
export const components = (): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(shared).map(([name, { $id: _, ...schema }]: [string, TSchema & { $id?: string }]) => [
      name,
      mapped(schema),
    ]),
  );

function operation(name: string, call: AdminCall) {
  const body = call.method === 'post' ? bodyOf(call) : undefined;
  return {
    operationId: `admin${name.charAt(0).toUpperCase()}${name.slice(1)}`,
    summary: call.summary,
    tags: ['admin'],
    security: [{ adminAuth: [] }],
    parameters: parametersOf(call),
    ...(body && { requestBody: body }),
    responses: {
      200: {
        description: call.answer ? 'The answer.' : 'Lines without end.',
        content: call.answer
          ? { 'application/json': { schema: referring(call.answer) } }
          : { 'text/event-stream': { schema: { type: 'string' } } },
      },
      ...refusals(call),
    },
  };
}

function parametersOf({ method, path, input }: AdminCall) {
  const inPath = new Set(pathNames(path));
  return Object.entries(input.properties)
    .filter(([name]) => inPath.has(name) || method === 'get')
    .map(([name, schema]) => ({
      name,
      in: inPath.has(name) ? 'path' : 'query',
      required: inPath.has(name) || isRequired(schema),
      schema,
      // A list is one value with commas between.
      ...(Type.IsArray(schema) && { style: 'form', explode: false }),
    }));
}

function bodyOf({ path, input }: AdminCall) {
  const inPath = new Set(pathNames(path));
  const properties = Object.fromEntries(Object.entries(input.properties).filter(([name]) => !inPath.has(name)));
  if (Object.keys(properties).length === 0) return undefined;
  const required = Object.values(properties).some(isRequired);
  return {
    required,
    content: { 'application/json': { schema: Type.Object(properties, { additionalProperties: false }) } },
  };
}

const isRequired = (schema: TSchema): boolean => !Type.IsOptional(schema) && !('default' in schema);

const refusals = ({ path, method }: AdminCall) => ({
  400: refusal('The input is wrong.'),
  401: refusal('The token is missing or another one.'),
  ...(pathNames(path).length > 0 || method === 'post' ? { 404: refusal('What was named does not exist.') } : {}),
  ...(method === 'post' && {
    413: refusal('The body is too large.'),
    415: refusal('The body is not application/json.'),
  }),
  429: refusal('Too many wrong tokens; `Retry-After` says when to come back.'),
});

const refusal = (description: string) => ({
  description,
  content: { 'application/json': { schema: referring(shapes.AdminError) } },
});

/** The schema with every shared shape in it replaced by a reference. */
function referring(value: unknown): unknown {
  const name = names.get(value as TSchema);
  return name === undefined ? mapped(value) : { $ref: `#/components/schemas/${name}` };
}

function mapped(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(referring);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, referring(inner)]));
}
