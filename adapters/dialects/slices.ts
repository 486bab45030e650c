import { endOfString, withoutMark } from './body.ts';

/**
 * The entries of the `events` array of a JSON text, each exactly as sent: digits, escapes and depth are kept, which parsing and serialising
 * would change. The text must be valid JSON with such an array.
 */
export function eventSlices(body: string): string[] {
  const text = withoutMark(body);
  let found: string[] = [];
  for (const [name, start] of members(text, afterSpace(text, 0))) {
    // As in JSON.parse, the last of equal keys counts.
    if (name !== undefined && JSON.parse(name) === 'events') found = entries(text, start);
  }
  return found;
}

/** The entries of a list, or of an object with index keys, in the order in which parsing gives them. Keys named `__proto__` are left out. */
function entries(text: string, start: number): string[] {
  const isNamed = text[start] === '{';
  const found = new Map<string, string>();
  let at = 0;
  for (const [name, from, to] of members(text, start)) {
    const key: unknown = isNamed ? JSON.parse(name ?? '') : at++;
    if (key !== '__proto__') found.set(String(key), text.slice(from, to));
  }
  return Object.values(Object.fromEntries(found));
}

type Member = readonly [name: string | undefined, start: number, end: number];

/** The offsets of each value of the array or object that starts here, without descending. */
function* members(text: string, start: number): Generator<Member> {
  const named = text[start] === '{';
  let at = afterSpace(text, start + 1);
  while (at < text.length && text[at] !== ']' && text[at] !== '}') {
    const colon = named ? afterSpace(text, endOfString(text, at)) : at;
    const name = named ? text.slice(at, colon) : undefined;
    const from = named ? afterSpace(text, colon + 1) : at;
    const to = endOfValue(text, from);
    yield [name, from, to];
    const comma = afterSpace(text, to);
    at = text[comma] === ',' ? afterSpace(text, comma + 1) : comma;
  }
}

function endOfValue(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at += 1) {
    const char = text[at];
    if (char === '"') at = endOfString(text, at) - 1;
    else if (char === '{' || char === '[') depth += 1;
    else if (char === '}' || char === ']') depth -= 1;
    if (depth === 0 && endsHere(text, at)) return at + 1;
  }
  return text.length;
}

/** Outside of brackets a value ends before a separator, a closing bracket or a blank. */
const endsHere = (text: string, at: number): boolean => /[,\]}\s]/.test(text[at + 1] ?? ',');

function afterSpace(text: string, start: number): number {
  let at = start;
  while (/\s/.test(text[at] ?? '')) at += 1;
  return at;
}
