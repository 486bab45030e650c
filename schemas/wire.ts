import Type, { type TObject, type TSchema } from 'typebox';
import { shopifyId, shopifyIdPattern } from './shopify-id.ts';

/*
 * What the wire bodies of both dialects are made of. A refusal reads "expected …, got …": `x-expected` is the first half,
 * `x-number` is added to the second where a number came that does not fit.
 */

/** A field that must be there. */
export const required = <T extends TSchema>(shape: T, description: string) => Type.With(shape, { description });

/** A field that may be left out, which null and the empty string say as well. Its shape says what is understood; `needed` asks for none of it. */
export const optional = <T extends TSchema>(shape: T, description: string) =>
  Type.Optional(Type.Union([shape, Type.Literal(''), Type.Null()], { description }));

/** What must be there of a shape. Its optional fields are left out: one that does not fit never costs the event. */
export function needed(schema: TObject): TObject {
  const { type: _, properties, required: __, ...options } = schema;
  const fields = Object.entries(properties).filter(([, field]) => !Type.IsOptional(field));
  return Type.Object(
    Object.fromEntries(fields.map(([key, field]) => [key, Type.IsObject(field) ? needed(field) : field])),
    options,
  );
}

export const Text = Type.String({ minLength: 1, 'x-expected': 'text that is not empty' });
export const AnyText = Type.String({ 'x-expected': 'text' });
export const Anything = Type.Object({}, { 'x-expected': 'an object' });
export const Position = Type.Integer({ minimum: 1, 'x-expected': 'a whole number from 1' });

/** Postgres and C strings end at U+0000, so an id must do without. */
export const EventId = Type.String({
  pattern: '^[^\\u0000]{1,200}$',
  'x-expected': '1 to 200 characters of text without U+0000',
});

const Exact = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const sendAsText = 'send ids from 2^53 up as text, a JSON number does not carry them exactly';

/** Shopify's numeric ids come as numbers (Layers), digits (Glood) and gids (Hydrogen), also in base64. */
export const ShopifyId = Type.Union(
  [Exact, Type.Refine(Type.String({ pattern: shopifyIdPattern }), (text) => shopifyId(text) !== undefined)],
  { 'x-expected': 'a Shopify id (a whole number, digits as text or gid://shopify/…)', 'x-number': sendAsText },
);

/** A customer: Shopify's id in any form, or the storefront's own. */
export const Customer = Type.Union([Exact, Type.String({ minLength: 1 })], {
  'x-expected': 'text or a whole number',
  'x-number': sendAsText,
});

// What nearly every client sends. Date needs 130 ns to parse a text, this needs 30; the days of a month are left to Date, which rolls over.
const common = /^20\d\d-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,3})?Z$/;
const isDate = (text: string): boolean => common.test(text) || !Number.isNaN(Date.parse(text));

/** Text that Date can parse, or milliseconds since 1970, from 1973 on: smaller numbers would be seconds. */
export const Time = Type.Union([Type.Refine(Type.String(), isDate), Type.Number({ minimum: 1e11, maximum: 8.64e15 })], {
  'x-expected': 'a date such as 2026-06-01T12:00:00Z',
  'x-number': 'which looks like seconds: send text, or milliseconds since 1970',
});

export const oneOf = <const T extends string>(values: readonly T[]) =>
  Type.Enum([...values], { 'x-expected': `one of ${values.join(', ')}` });
