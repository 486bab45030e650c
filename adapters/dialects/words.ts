import Type, { type TSchema } from 'typebox';
import Value from 'typebox/value';
import { meant } from '../closest.ts';

/** A value that does not fit its schema: its path, what was expected, and what it was. */
export interface Fault {
  readonly path: string;
  readonly expected: string;
  readonly got: string;
}

/**
 * Every mismatch between a value and its schema, in the words and the order of the schema (schemas/wire.ts). TypeBox' own errors name the failed
 * keyword, stop after eight, and count each branch of a union.
 */
export function faults(schema: TSchema, value: unknown, path = ''): Fault[] {
  const shape = objectOf(schema);
  if (!shape || !isObject(value)) return Value.Check(schema, value) ? [] : [fault(schema, value, path)];
  return Object.entries(shape.properties).flatMap(([key, field]) => {
    const given = Object.hasOwn(value, key) ? value[key] : undefined;
    const absent = given === undefined && Type.IsOptional(field);
    return absent ? [] : faults(field, given, joined(path, key));
  });
}

/** The fault of an event without a name, or with one that the contract does not have. All names together would be longer than most events. */
export const unnamed = (path: string, name: unknown, names: readonly string[]): Fault => ({
  path,
  expected: `the name of an event, such as ${names[0]}, or one that the shop lists in customEvents`,
  got: shown(name) + (typeof name === 'string' ? meant(name, names) : ''),
});

/** A path and what comes after it: `event`, `name` → `event.name`; `products`, `[0]` → `products[0]`. */
export const joined = (path: string, next: string): string =>
  path === '' || next === '' || next.startsWith('[') ? path + next : `${path}.${next}`;

/** A value, short enough for a log line. */
export function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'an array';
  if (isObject(value)) return 'an object';
  if (typeof value !== 'string') return String(value);
  return JSON.stringify(cut(value));
}

/** A client's text, short enough for a log line. */
export const cut = (text: string): string => (text.length > 40 ? `${text.slice(0, 40).toWellFormed()}…` : text);

/** The beginning of a client's id or name, which may be anything; undefined if it is not text. */
export const excerpt = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value.slice(0, 200).toWellFormed() : undefined;

/** The schema with named properties that this one is or offers (`device` is an object, or null). */
function objectOf(schema: TSchema): Type.TObject | undefined {
  const offered = Type.IsUnion(schema) ? schema.anyOf : [schema];
  return offered.find((one): one is Type.TObject => Type.IsObject(one) && Object.keys(one.properties).length > 0);
}

const fault = (schema: TSchema, value: unknown, path: string): Fault => ({
  path,
  expected: wanted(schema) ?? 'something else',
  got: shown(value),
});

/** A field's own word, or that of the shape it wraps to make it optional. */
function wanted(schema: TSchema): string | undefined {
  const said = (schema as Readonly<Record<string, unknown>>)['x-expected'];
  if (typeof said === 'string') return said;
  const inner = Type.IsUnion(schema) ? schema.anyOf[0] : undefined;
  return inner && wanted(inner);
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
