import Type, { type TObject, type TSchema } from 'typebox';
import { shopifyId, shopifyIdPattern } from './shopify-id.ts';

/*
 * Building blocks of the wire bodies of dialects. A refusal reads "expected …, got …"; `x-expected` is the first half.
 */

/** A required field. */
export const required = <T extends TSchema>(shape: T, description: string) => Type.With(shape, { description });

/**
 * An optional field; null and the empty text also mean that it is left out. Its schema describes what is understood; `needed` does not check it.
 */
export const optional = <T extends TSchema>(shape: T, description: string) =>
  Type.Optional(Type.Union([shape, Type.Literal(''), Type.Null()], { description }));

/** The required part of a schema. Optional fields are left out, since a wrong one never costs the event. */
export function needed(schema: TObject): TObject {
  const { type: _, properties, required: __, ...options } = schema;
  const fields = Object.entries(properties).filter(([, field]) => !Type.IsOptional(field));
  return Type.Object(
    Object.fromEntries(fields.map(([key, field]) => [key, Type.IsObject(field) ? needed(field) : field])),
    options,
  );
}

export const Text = Type.String({ minLength: 1, 'x-expected': 'text that is not empty' });
/** A text (also an empty one) or a number: PHP and others write digits as numbers. */
export const AnyText = Type.Union([Type.String(), Type.Number()], { 'x-expected': 'text' });
/** The same, but not an empty text. */
export const Label = Type.Union([Text, Type.Number()], { 'x-expected': 'text that is not empty' });
export const Anything = Type.Object({}, { 'x-expected': 'an object' });
export const Position = Type.Union([Type.Integer({ minimum: 1 }), Type.String({ pattern: '^(?!0+$)[0-9]{1,9}$' })], {
  'x-expected': 'a whole number from 1',
});

// Not null and not left out.
const given = (text: TSchema, expected: string) =>
  Type.Union([text, Type.Number(), Type.Boolean(), Type.Object({}), Type.Array(Type.Unknown())], {
    'x-expected': expected,
  });

/** An id as text. A value that cannot serve as an id is kept, and the event gets an id derived from its content. */
export const EventId = given(Type.String(), 'an id as text');

/** A session. A value that cannot serve as one is kept, and the event has no session. */
export const SessionId = given(Type.String(), 'text');

const Exact = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });

/** Shopify's numeric ids come as numbers (Layers), digits (Glood) and gids (Hydrogen), also in base64. */
export const ShopifyId = Type.Union(
  [Exact, Type.Refine(Type.String({ pattern: shopifyIdPattern }), (text) => shopifyId(text) !== undefined)],
  { 'x-expected': 'a Shopify id (a whole number, digits as text or gid://shopify/…)' },
);

/** A customer: Shopify's id in any form, or the storefront's own. */
export const Customer = Type.Union([Exact, Type.String({ minLength: 1 })], {
  'x-expected': 'text or a whole number',
});

/** A time. One that cannot be read or is not plausible is kept, and the time of receipt counts. */
export const Time = given(Type.String({ minLength: 1 }), 'a date such as 2026-06-01T12:00:00Z');

export const oneOf = <const T extends string>(values: readonly T[]) =>
  Type.Enum([...values], { 'x-expected': `one of ${values.join(', ')}` });
