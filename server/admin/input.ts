import Type, { type Static, type TObject } from 'typebox';
import { Check, Default } from 'typebox/value';
import { BadOrder } from '../base/errors.ts';
import { timeOf } from '../base/times.ts';
import { isRecord } from '../base/unknown-values.ts';
import { pathText, schemaMistakes } from '../config/checks/schema.ts';
import { shown } from '../config/shown.ts';
import { type AdminCall, pathNames } from './calls.ts';

/** The unchecked input of a request. */
export interface Given {
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, unknown>>;
  readonly body: unknown;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** Checks a call's input and converts its times to UTC. Throws BadOrder with every mistake. */
export function inputOf<T extends TObject>({ method, path, input }: AdminCall<T>, given: Given): Static<T> {
  const fields = method === 'get' ? fromQuery(input, given.query) : fromBody(given);
  const twice = pathNames(path).find((name) => Object.hasOwn(fields, name));
  if (twice !== undefined)
    throw new BadOrder(`${twice}: must stand in the path alone, got it elsewhere too; leave it out there`);
  const value = Default(input, inUtc({ ...fields, ...given.params }, given.now));
  const mistakes = schemaMistakes(input, value);
  if (mistakes.length > 0 || !Check(input, value))
    throw new BadOrder(mistakes.map((mistake) => `${pathText(mistake.path)}: ${mistake.text}`).join('; '));
  return value;
}

/** Converts query values, which are text, to the numbers and lists of the schema. What cannot be converted stays text, for the message. */
function fromQuery({ properties }: TObject, query: Given['query']): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(query).map(([name, value]) => {
      const schema = properties[name] ?? {};
      if (typeof value !== 'string') return [name, value];
      if (Type.IsArray(schema)) return [name, value.split(',')];
      return [name, Type.IsInteger(schema) && /^\d{1,15}$/.test(value) ? Number(value) : value];
    }),
  );
}

function fromBody({ query, body }: Given): Readonly<Record<string, unknown>> {
  // If ?dry_run=1 were ignored, a replay would start that was only to be planned.
  const [misplaced] = Object.keys(query);
  if (misplaced !== undefined)
    throw new BadOrder(`the query: must be empty, got ${misplaced}; give it in the JSON body`);
  if (!isRecord(body)) throw new BadOrder(`the body: must be a JSON object, got ${shown(body, false)}`);
  return body;
}

function inUtc(fields: Readonly<Record<string, unknown>>, now: number): Readonly<Record<string, unknown>> {
  const times = ['from', 'to'].flatMap((name) => {
    const given = fields[name];
    const time = typeof given === 'string' ? timeOf(given, now) : undefined;
    return time === undefined ? [] : [[name, time] as const];
  });
  const { from, to } = Object.fromEntries(times);
  if (from !== undefined && to !== undefined && from >= to)
    throw new BadOrder(`from: must be before to, got from ${from} and to ${to}`);
  return { ...fields, ...Object.fromEntries(times) };
}
