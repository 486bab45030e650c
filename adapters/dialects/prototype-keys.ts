/** `__proto__` in JSON text, plain or with an escaped character. */
const suspect = /__proto__|\\u00(?:5f|6f|7[024])/i;

/**
 * Removes keys named `__proto__` from a parsed value, at any depth. A receiver that copies them carelessly changes all its objects (prototype
 * pollution); the event is worth keeping without them. `text`: what the value was parsed from; most texts cost one search.
 */
export function withoutPrototypeKeys(value: unknown, text: string): unknown {
  if (!suspect.test(text) || typeof value !== 'object' || value === null) return value;
  // An explicit list instead of recursion, because a client decides how deep the value is.
  const open: object[] = [value];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (Object.hasOwn(node, '__proto__')) Reflect.deleteProperty(node, '__proto__');
    for (const inner of Object.values(node)) if (typeof inner === 'object' && inner !== null) open.push(inner);
  }
  return value;
}
