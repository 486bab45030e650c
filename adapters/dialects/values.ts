/** Readers of what clients sent. Each gives undefined if the value is not of its kind. */
export type Json = Readonly<Record<string, unknown>>;

export const object = (value: unknown): Json | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : undefined;

/** An object that is not empty. */
export function nonEmpty(value: unknown): Record<string, unknown> | undefined {
  const found = object(value);
  return found && Object.keys(found).length > 0 ? found : undefined;
}

export const list = (value: unknown): readonly unknown[] => listed(value) ?? [];

const place = /^(?:0|[1-9]\d{0,8})$/;

/** A list; also an object whose keys are places, which PHP and Ruby make of a list with gaps. Undefined for anything else. */
export function listed(value: unknown): readonly unknown[] | undefined {
  if (Array.isArray(value)) return value;
  const found = object(value);
  // JavaScript keeps such keys in the order of their numbers.
  return found && Object.keys(found).every((key) => place.test(key)) ? Object.values(found) : undefined;
}

export const text = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined;

/** A text; also a number, read as its digits, as PHP and spreadsheets write it. Not if that takes an exponent: no client wrote one. */
export function label(value: unknown): string | undefined {
  const written = typeof value === 'number' ? String(value) : '';
  return /^-?\d+(?:\.\d+)?$/.test(written) ? written : text(value);
}

/** Characters. A longer text of a field that a visitor's address decides is kept, but not understood. */
const longestVisitorText = 8192;

/** A text of a field that a visitor's address decides. */
export const visitorText = (value: unknown): string | undefined =>
  typeof value === 'string' ? visitorLabel(value) : undefined;

/** The same, also where it came as a number. */
export function visitorLabel(value: unknown): string | undefined {
  const found = label(value);
  return found !== undefined && found.length <= longestVisitorText ? found : undefined;
}

/** One of some texts. */
export const oneOf =
  <const T extends string>(values: readonly T[]) =>
  (value: unknown): T | undefined =>
    values.find((one) => one === value);

/** A place in a list, 1 is the first. */
export function position(value: unknown): number | undefined {
  const found = number(value);
  return found !== undefined && Number.isInteger(found) && found >= 1 ? found : undefined;
}

/** A finite number, also where it came as digits. */
export function number(value: unknown): number | undefined {
  if (typeof value === 'string') return /^\d{1,9}$/.test(value) ? Number(value) : undefined;
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

/** null and the empty string say the same as leaving a field out. */
export const absent = (value: unknown): boolean => value === undefined || value === null || value === '';

export type WithoutUndefined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** The same fields without those that are undefined. For keys that we chose, never for a client's. */
export function withoutUndefined<T extends object>(fields: T): WithoutUndefined<T> {
  const found: Partial<T> = {};
  for (const key in fields) if (fields[key] !== undefined) found[key] = fields[key];
  return found as WithoutUndefined<T>;
}
