import Type, { type TObject, type TSchema, type TUnion } from 'typebox';
import { Check, Errors } from 'typebox/value';
import { meant } from '../../../adapters/closest.ts';
import { field, isRecord, items } from '../../base/unknown-values.ts';
import { choicesOf, expected } from '../expected.ts';
import { isSensitive, shown } from '../shown.ts';

/** Keys and list indexes that lead to a value. */
export type Path = readonly (string | number)[];

/** What is wrong at a path, as a sentence without its subject: "must be …, got …". */
export interface Mistake {
  readonly path: Path;
  readonly text: string;
}

interface Place {
  readonly path: Path;
  /** The value before `${NAME}` was replaced; only that is ever quoted. */
  readonly written: unknown;
  /** Whether the schema, or one around it, marks the value as a secret. */
  readonly secret: boolean;
}

/**
 * Every path where a value (with defaults) does not fit its schema. A key that the schema does not name is always a mistake. TypeBox alone
 * stops after a few errors and words them for programmers. `written`: the value before `${NAME}` was replaced; only that is ever quoted.
 */
export function schemaMistakes(schema: TSchema, value: unknown, written: unknown = value): Mistake[] {
  return mistakesAt({ path: [], written, secret: false }, schema, value);
}

/** `shops[0].destination.headers["x-key"]` */
export function pathText(path: Path): string {
  const steps = path.map((step) => {
    if (typeof step === 'number') return `[${step}]`;
    return /^\w+$/.test(step) ? `.${step}` : `[${JSON.stringify(step)}]`;
  });
  return steps.join('').replace(/^\./, '');
}

function mistakesAt(around: Place, schema: TSchema, value: unknown): Mistake[] {
  const place = { ...around, secret: around.secret || isSensitive(schema) };
  const inside = mistakesInside(place, schema, value);
  if (inside.length > 0 || Check(schema, value)) return inside;
  return [unfit(place, schema, value)];
}

function mistakesInside(place: Place, schema: TSchema, value: unknown): Mistake[] {
  if (Type.IsArray(schema) && Array.isArray(value))
    return value.flatMap((item, index) => mistakesAt(inItem(place, index), schema.items, item));
  if (!isRecord(value)) return [];
  if (Type.IsObject(schema)) return mistakesInObject(place, schema, value);
  if (Type.IsUnion(schema)) return mistakesInKind(place, schema, value);
  if (!Type.IsRecord(schema)) return [];
  const [entries = {}] = Object.values(schema.patternProperties);
  return Object.entries(value).flatMap(([key, item]) => mistakesAt(inField(place, key), entries, item));
}

function mistakesInObject(place: Place, schema: TObject, value: Readonly<Record<string, unknown>>): Mistake[] {
  const names = Object.keys(schema.properties);
  const unknown = Object.keys(value)
    .filter((key) => !names.includes(key))
    .map((key) => ({ path: [...place.path, key], text: unknownKey(key, names) }));
  const known = Object.entries(schema.properties).flatMap(([name, property]) => {
    if (Object.hasOwn(value, name)) return mistakesAt(inField(place, name), property, value[name]);
    const needed = !Type.IsOptional(property) && !('default' in property);
    return needed ? [missing(place, name, expected(property))] : [];
  });
  return [...unknown, ...known];
}

/** A union of objects, each with a `type` of its own. */
function mistakesInKind(place: Place, schema: TUnion, value: Readonly<Record<string, unknown>>): Mistake[] {
  const kinds = new Map(schema.anyOf.filter(Type.IsObject).map((kind) => [typeOf(kind), kind]));
  const kind = kinds.get(value.type);
  if (kind) return mistakesInObject(place, kind, value);
  const types = [...kinds.keys()].map(String);
  const wanted = `one of ${types.join(', ')}`;
  if (!Object.hasOwn(value, 'type')) return [missing(place, 'type', wanted)];
  const { path, written } = inField(place, 'type');
  return [{ path, text: `must be ${wanted}, got ${shown(written, place.secret)}${meant(String(written), types)}` }];
}

function unfit({ path, written, secret }: Place, schema: TSchema, value: unknown): Mistake {
  const [first] = Errors(schema, value);
  const inside = first?.instancePath.split('/').slice(1) ?? [];
  if (first && inside.length > 0) return { path: [...path, ...inside], text: first.message };
  const unquoted = Type.IsString(schema) && (typeof value === 'number' || typeof value === 'boolean');
  const typo = typeof value === 'string' ? meant(String(written), (choicesOf(schema) ?? []).map(String)) : '';
  const isVariable = typeof value === 'string' && !Type.IsString(schema) && /\$\{\w+\}/.test(String(written));
  const hint = unquoted
    ? '; put it in quotes'
    : isVariable
      ? '; a variable always gives text: write the value itself'
      : typo;
  return {
    path,
    text: `must be ${expected(schema)}, got ${shown(secret ? value : (written ?? value), secret)}${hint}`,
  };
}

const missing = ({ path }: Place, name: string, wanted: string): Mistake => ({
  path: [...path, name],
  text: `must be ${wanted}, got nothing`,
});

const unknownKey = (key: string, names: readonly string[]): string =>
  `must be a known key${meant(key, names) || (names.length > 0 ? `; known are ${names.join(', ')}` : '; no keys are taken here')}`;

const inField = (place: Place, name: string): Place => ({
  ...place,
  path: [...place.path, name],
  written: field(place.written, name),
});

const inItem = (place: Place, index: number): Place => ({
  ...place,
  path: [...place.path, index],
  written: items(place.written)[index],
});

const typeOf = (kind: TObject): unknown => choicesOf(kind.properties.type ?? {})?.[0];
