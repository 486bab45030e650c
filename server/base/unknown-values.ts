/** Reads of values whose shape is not checked yet. */
export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The entries of a list; none if the value is no list. */
export const items = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** A field of an object; undefined if the value is no object. */
export const field = (value: unknown, name: string): unknown => (isRecord(value) ? value[name] : undefined);
