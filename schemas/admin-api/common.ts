import Type, { type Static, type TProperties, type TSchema } from 'typebox';
import { TIME_EXPECTED } from './time.ts';

/*
 * Building blocks of the admin API. Each call's input and answer is defined once, as a schema: the server checks with it, the OpenAPI document
 * shows it, and the TypeScript type is derived from it.
 */

/** A value of a schema as code passes it on: read-only. */
export type Answer<T extends TSchema> = Frozen<Static<T>>;

type Frozen<T> = T extends object ? { readonly [Key in keyof T]: Frozen<T[Key]> } : T;

/** A call's input: path, query and body together. Unknown keys are refused, so that a typo never widens a selection. */
export const input = <T extends TProperties>(properties: T) => Type.Object(properties, { additionalProperties: false });

export const text = (description: string) => Type.String({ minLength: 1, maxLength: 500, description });
export const optionalText = (description: string) => Type.Optional(text(description));

/** A time after it was converted to UTC. */
const UTC = /^\d{4}-\d\d-\d\dT[\d:]{8}\.\d{3}Z$/;

const Time = (description: string) =>
  Type.Optional(Type.Refine(Type.String({ expected: TIME_EXPECTED, description }), (given) => UTC.test(String(given))));

export const between = (of: string) => ({
  from: Time(`From this time of ${of}, inclusive: ISO 8601, an age such as 2h, or now, today or yesterday (UTC).`),
  to: Time(`To this time of ${of}, exclusive; written likewise.`),
});

/** The page of a list. */
export const page = {
  limit: Type.Integer({ default: 100, minimum: 1, maximum: 1000, description: 'Most items in the answer.' }),
  after: optionalText("The previous page's `next`."),
};

export const all = Type.Optional(Type.Literal(true, { description: 'Required if nothing else is selected.' }));

export const types = Type.Optional(
  Type.Array(text('A pattern such as product_*.'), {
    minItems: 1,
    description: 'Types of events, as in the `events` of a pipeline.',
  }),
);

export const NoInput = input({});

export const Count = Type.Integer({ minimum: 0 });
export const countOf = (description: string) => Type.Integer({ minimum: 0, description });
export const When = Type.String({ format: 'date-time', description: 'ISO 8601 in UTC.' });
export const whenOf = (description: string) => Type.String({ format: 'date-time', description });
export const ByReason = Type.Record(Type.String(), Count, { description: 'By reason.' });
export const maybe = <T extends TSchema>(schema: T) => Type.Optional(schema);
export const shopAndPipeline = { shop: Type.String(), pipeline: Type.String() };

export const pageOf = (item: TSchema) =>
  Type.Object({
    items: Type.Array(item),
    next: maybe(Type.String({ description: 'The `after` of the following page; absent on the last.' })),
  });

/** A page of a list. */
export interface PageOf<T> {
  readonly items: readonly T[];
  readonly next?: string;
}

export const Done = Type.Object({ ok: Type.Literal(true) });

export const AdminError = Type.Object({ error: Type.String({ description: 'What was expected, what came.' }) });
