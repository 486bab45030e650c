import Type, { type TSchema } from 'typebox';
import { Balance } from '../../schemas/admin-api/balance.ts';
import { AdminError } from '../../schemas/admin-api/common.ts';
import * as dead from '../../schemas/admin-api/dead-letters.ts';
import * as jobs from '../../schemas/admin-api/jobs.ts';
import * as pipelines from '../../schemas/admin-api/pipelines.ts';
import * as quarantine from '../../schemas/admin-api/quarantine.ts';
import * as receipts from '../../schemas/admin-api/receipts.ts';
import * as replays from '../../schemas/admin-api/replays.ts';
import { TailLine } from '../../schemas/admin-api/tail.ts';
import { Event } from '../../schemas/event.ts';
import { type AdminCall, adminCalls, pathNames } from '../admin/calls.ts';
import type { Shapes } from './openapi-shapes.ts';

/** Shapes that are large or used often. */
export const adminShapes: Readonly<Record<string, TSchema>> = {
  Event,
  AdminError,
  PipelineReceipt: receipts.PipelineReceipt,
  Receipt: receipts.Receipt,
  PipelineReport: pipelines.PipelineReport,
  DeadLetter: dead.DeadView,
  Quarantined: quarantine.QuarantinedView,
  QuarantinedHead: quarantine.QuarantinedHeadView,
  Job: jobs.JobReport,
  ReplayPlan: replays.ReplayPlan,
  ReplayJob: replays.ReplayJob,
  Balance,
  TailLine,
};

/** The admin API's part of the OpenAPI document. */
export function adminPaths(of: Shapes['of']): Record<string, Record<string, unknown>> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const [name, call] of Object.entries<AdminCall>(adminCalls)) {
    const path = call.path.replaceAll(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [call.method]: operation(name, call, of) };
  }
  return paths;
}

function operation(name: string, call: AdminCall, of: Shapes['of']) {
  const body = call.method === 'post' ? bodyOf(call, of) : undefined;
  return {
    operationId: `admin${name.charAt(0).toUpperCase()}${name.slice(1)}`,
    summary: call.summary,
    tags: ['admin'],
    security: [{ adminAuth: [] }],
    parameters: parametersOf(call, of),
    ...(body && { requestBody: body }),
    responses: {
      200: answerOf(call, of),
      ...refusals(call, of),
    },
  };
}

function answerOf({ answer, line }: AdminCall, of: Shapes['of']) {
  if (answer) return { description: 'The answer.', content: { 'application/json': { schema: of(answer) } } };
  if (line) return { description: 'A line for each.', content: { 'application/x-ndjson': { schema: of(line) } } };
  return {
    description: 'Events without end. The data of each is one of these as JSON.',
    content: { 'text/event-stream': { schema: of(TailLine) } },
  };
}

function parametersOf({ method, path, input }: AdminCall, of: Shapes['of']) {
  const inPath = new Set(pathNames(path));
  return Object.entries(input.properties)
    .filter(([name]) => inPath.has(name) || method === 'get')
    .map(([name, schema]) => ({
      name,
      in: inPath.has(name) ? 'path' : 'query',
      required: inPath.has(name) || isRequired(schema),
      schema: of(schema),
      // A list is one query value, separated by commas.
      ...(Type.IsArray(schema) && { style: 'form', explode: false }),
    }));
}

function bodyOf({ path, input }: AdminCall, of: Shapes['of']) {
  const inPath = new Set(pathNames(path));
  const properties = Object.fromEntries(Object.entries(input.properties).filter(([name]) => !inPath.has(name)));
  if (Object.keys(properties).length === 0) return undefined;
  const required = Object.values(properties).some(isRequired);
  return {
    required,
    content: { 'application/json': { schema: of(Type.Object(properties, { additionalProperties: false })) } },
  };
}

const isRequired = (schema: TSchema): boolean => !Type.IsOptional(schema) && !('default' in schema);

function refusals({ path, method, input }: AdminCall, of: Shapes['of']) {
  // A call with a required input may name something that does not exist.
  const names = Object.values(input.properties).some(isRequired);
  const content = { 'application/json': { schema: of(AdminError) } };
  const refusal = (description: string) => ({ description, content });
  return {
    400: refusal('The input is wrong.'),
    401: refusal('The token is missing or another one.'),
    ...(names || method === 'post' ? { 404: refusal('What was named does not exist.') } : {}),
    ...(method === 'post' && {
      409: refusal('Another order must end first.'),
      413: refusal('The body is too large.'),
      415: refusal('The body is not application/json.'),
    }),
    429: refusal(
      'Too many wrong tokens; `Retry-After` says when another is looked at. The right one is taken at any time.',
    ),
    ...(path === adminCalls.tail.path && {
      503: refusal('As many follow the tail as may; `Retry-After` says when to come back.'),
    }),
  };
}
