import { absent, type Json } from './values.ts';

/** The reader of each field: gives undefined for a value that it does not understand. */
export type Readers = Readonly<Record<string, (value: unknown) => unknown>>;

export interface Taken<R extends Readers> {
  /** The values that were understood, by field. */
  readonly found: { -readonly [K in keyof R]?: NonNullable<ReturnType<R[K]>> };
  /** Everything else that is not empty, as sent: unknown keys, and values that were not understood. Undefined if there is nothing. */
  readonly rest: Record<string, unknown> | undefined;
}

/**
 * Reads an object that a client sent. A replaceable value never costs the event, and what is not understood is kept. So schemas require only the
 * necessary fields; every other value is read or stays in the rest. `ignored`: keys that are known better or read elsewhere.
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

/** Also an empty object or list, since PHP, Lua and Ruby confuse the two. */
export const saysNothing = (value: unknown): boolean =>
  absent(value) || (typeof value === 'object' && isEmpty(value as object));

const isEmpty = (value: object): boolean => {
  for (const _ in value) return false;
  return true;
};
