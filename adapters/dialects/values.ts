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

/** A list, or an object with index keys, which PHP and Ruby make of a list with gaps. Undefined for anything else. */
export function listed(value: unknown): readonly unknown[] | undefined {
  if (Array.isArray(value)) return value;
  const found = object(value);
  // JavaScript keeps index keys in numeric order.
  return found && Object.keys(found).every((key) => place.test(key)) ? Object.values(found) : undefined;
}

export const text = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined;

/** A text, or a number as its digits, as PHP and spreadsheets write it. Not a number that needs an exponent: no client wrote that. */
export function label(value: unknown): string | undefined {
  const written = typeof value === 'number' ? String(value) : '';
  return /^-?\d+(?:\.\d+)?$/.test(written) ? written : text(value);
}

/** In characters. A longer text from a page URL is kept but not understood. */
const longestVisitorText = 8192;

/** A text that comes from the visitor's URL. */
export const visitorText = (value: unknown): string | undefined =>
  typeof value === 'string' ? visitorLabel(value) : undefined;

/** The same; a number counts as its digits. */
export function visitorLabel(value: unknown): string | undefined {
  const found = label(value);
  return found !== undefined && found.length <= longestVisitorText ? found : undefined;
}

/** One of some texts. */
export const oneOf =
  <const T extends string>(values: readonly T[]) =>
  (value: unknown): T | undefined =>
    values.find((one) => one === value);

/** A position in a list, from 1. */
export function position(value: unknown): number | undefined {
  const found = number(value);
  return found !== undefined && Number.isInteger(found) && found >= 1 ? found : undefined;
}

/** A finite number, or text that is one. */
export function number(value: unknown): number | undefined {
  if (typeof value === 'string') return /^\d{1,9}$/.test(value) ? Number(value) : undefined;
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

/** Whether a field counts as left out: undefined, null or the empty string. */
export const absent = (value: unknown): boolean => value === undefined || value === null || value === '';

export type WithoutUndefined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** The fields without undefined ones. For keys of our own, never for a client's. */
export function withoutUndefined<T extends object>(fields: T): WithoutUndefined<T> {
  const found: Partial<T> = {};
  for (const key in fields) if (fields[key] !== undefined) found[key] = fields[key];
  return found as WithoutUndefined<T>;
}
