/** In JSON text, `__proto__` as it is, or with one of its characters escaped. */
const suspect = /__proto__|\\u00(?:5f|6f|7[024])/i;

/**
 * A parsed value without the keys named `__proto__`, at any depth. They are nobody's data, and a receiver that copies them carelessly changes
 * what all its objects share; the event is worth keeping without them. `text` is what the value was parsed from: ordinary ones cost one search.
 */
export function withoutPrototypeKeys(value: unknown, text: string): unknown {
  if (!suspect.test(text) || typeof value !== 'object' || value === null) return value;
  // A list of what is still to be looked at, because a client decides how deep it goes.
  const open: object[] = [value];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (Object.hasOwn(node, '__proto__')) Reflect.deleteProperty(node, '__proto__');
    for (const inner of Object.values(node)) if (typeof inner === 'object' && inner !== null) open.push(inner);
  }
  return value;
}
