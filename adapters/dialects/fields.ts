import { absent, type Json } from './values.ts';

/** How each field is read: undefined for a value that the field does not take. */
export type Readers = Readonly<Record<string, (value: unknown) => unknown>>;

export interface Taken<R extends Readers> {
  /** What the readers understood, by their names. */
  readonly found: { -readonly [K in keyof R]?: NonNullable<ReturnType<R[K]>> };
  /** All else that says something, as sent: keys without a reader, and values that theirs did not understand. Undefined if there is none. */
  readonly rest: Record<string, unknown> | undefined;
}

/**
 * How an object of a client is read: what can be replaced never costs the event, and what is not understood is kept. So the schemas
 * ask for required fields only, and every other value either finds its reader or stays in the rest. `ignored`: keys whose values
 * do not matter, since the gateway knows better or has read them elsewhere.
 */
export function fieldsBy<R extends Readers>(readers: R, ignored: ReadonlySet<string> = new Set()) {
  const fields = new Map(Object.entries(readers));
  return (from: Json): Taken<R> => {
    const found: Record<string, unknown> = {};
    for (const [key, read] of fields) {
      const value = read(from[key]);
      if (value !== undefined) found[key] = value;
    }
    let keys: string[] | undefined;
    for (const key of Object.keys(from)) {
      if (Object.hasOwn(found, key) || ignored.has(key) || (fields.has(key) && saysNothing(from[key]))) continue;
      keys ??= [];
      keys.push(key);
    }
    const rest = keys && Object.fromEntries(keys.map((key) => [key, from[key]]));
    return { found: found as Taken<R>['found'], rest };
  };
}

/** An empty object too, and an empty list: PHP, Lua and Ruby send one for the other. */
export const saysNothing = (value: unknown): boolean =>
  absent(value) || (typeof value === 'object' && isEmpty(value as object));

const isEmpty = (value: object): boolean => {
  for (const _ in value) return false;
  return true;
};
