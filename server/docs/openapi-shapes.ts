import type { TSchema } from 'typebox';

/** A schema as the document holds it. */
export type Shape = Readonly<Record<string, unknown>>;

export interface Shapes {
  /** A schema in pure JSON Schema, with references to shared ones. */
  of(schema: TSchema): Shape;
  /** The shared ones, for `components/schemas`. */
  readonly shared: Readonly<Record<string, Shape>>;
}

/** Shapes for an OpenAPI 3.1 document. Shared schemas are written once; a shared one may refer to those before it. */
export function createShapes(shared: Readonly<Record<string, TSchema>>): Shapes {
  const names = new Map<string, string>();
  const of = (schema: TSchema): Shape => {
    const shape = withoutDescription(schema, of);
    const name = names.get(JSON.stringify(shape));
    if (name === undefined) return { ...shape, ...descriptionOf(schema) };
    const { description } = descriptionOf(schema);
    const isNews = description !== undefined && description !== descriptionOf(shared[name] ?? {}).description;
    return { $ref: `#/components/schemas/${name}`, ...(isNews && { description }) };
  };
  const shapes = Object.entries(shared).map(([name, schema]) => {
    const shape = withoutDescription(schema, of);
    names.set(JSON.stringify(shape), name);
    return [name, { ...shape, ...descriptionOf(schema) }] as const;
  });
  return { of, shared: Object.fromEntries(shapes) };
}

type Of = (schema: TSchema) => Shape;

/** JSON Schema's keywords, with how to convert their values. Those of TypeBox and our own (`expected`, `sensitive`, `x-…`) are left out. */
const BEHIND: Readonly<Record<string, (value: unknown, of: Of) => unknown>> = {
  ...each('type const enum format pattern default title required', (value) => value),
  ...each('minimum maximum minLength maxLength minItems maxItems', (value) => value),
  ...each('items additionalProperties', (value, of) => (typeof value === 'boolean' ? value : of(value as TSchema))),
  ...each('anyOf allOf oneOf', (value, of) => (value as readonly TSchema[]).map(of)),
  ...each('properties patternProperties', (value, of) =>
    Object.fromEntries(Object.entries(value as Record<string, TSchema>).map(([name, schema]) => [name, of(schema)])),
  ),
};

function each<T>(words: string, behind: T): Record<string, T> {
  return Object.fromEntries(words.split(' ').map((word) => [word, behind]));
}

/** Without the description, so that equal shapes are found whatever their descriptions. */
function withoutDescription(schema: TSchema, of: Of): Shape {
  const words = Object.entries(schema).flatMap(([word, value]) => {
    const behind = BEHIND[word];
    return behind ? [[word, behind(value, of)] as const] : [];
  });
  return Object.fromEntries(words);
}

const descriptionOf = (schema: TSchema): { readonly description?: unknown } =>
  'description' in schema && schema.description !== '' ? { description: schema.description } : {};
