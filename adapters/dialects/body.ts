import { clearCartKeys, maySayCartKey } from './cart-key.ts';
import { exactNumbers, hasLongNumber } from './numbers.ts';
import { withoutPrototypeKeys } from './prototype-keys.ts';

/** A parsed body, or why it is refused as a whole; `got` says what it was instead of JSON. */
export type Parsed =
  | { readonly kind: 'parsed'; readonly value: unknown }
  | { readonly kind: 'refused'; readonly code: string; readonly got: string };

/** Deeper bodies are not parsed at all. The limit for one event is far lower and checked per event. */
const deepestBody = 1000;

/**
 * 'read': for all readers. Whole numbers that a double cannot hold become texts of their digits, and cart keys are left out. 'sent': as it was
 * sent. Ids are derived from this form, so that they stay the same when more is left out.
 */
export type Manner = 'read' | 'sent';

/**
 * Parses the text of a body, which was decoded from UTF-8. All its strings are well-formed: half a surrogate pair becomes U+FFFD, as it would
 * when the event is encoded next, so ids derived at different times are equal. Keys named `__proto__` are left out.
 */
export function parseBody(body: string, manner: Manner = 'read'): Parsed {
  const text = wellFormed(withoutMark(body));
  if (!/\S/.test(text)) return refused('empty_body', 'nothing');
  if (nestsBeyond(deepestBody, text)) return refused('too_deep', `more than ${deepestBody} nested levels`);
  try {
    const exact = manner === 'sent' ? text : exactNumbers(text);
    // Invalid JSON may become valid once its numbers are texts: digits that begin with 0, or that stand for a key.
    if (exact !== text) JSON.parse(text);
    const value = withoutPrototypeKeys(JSON.parse(exact), text);
    return parsed(manner === 'sent' ? value : clearCartKeys(value, text));
  } catch {
    return refused('not_json', 'text that is not JSON');
  }
}

/** Whether both forms are the same. */
export const isReadAsSent = (body: string): boolean => !hasLongNumber(body) && !maySayCartKey(body);

const parsed = (value: unknown): Parsed => ({ kind: 'parsed', value });

const refused = (code: string, got: string): Parsed => ({ kind: 'refused', code, got });

/** Removes the byte order mark that some editors and HTTP stacks put before UTF-8. */
export const withoutMark = (text: string): string => (text.charCodeAt(0) === 0xfeff ? text.slice(1) : text);

const surrogates = /\\u[dD](?:[89abAB][0-9a-fA-F]{2}(\\u[dD][c-fC-F][0-9a-fA-F]{2})?|[c-fC-F][0-9a-fA-F]{2})/g;

// Works on the text: walking every string of the parsed value would cost more than parsing.
function wellFormed(text: string): string {
  // A plain search for two bytes is enough for nearly every body.
  if (!text.includes('\\u')) return text;
  return text.replace(surrogates, (found: string, low: string | undefined, at: number) => {
    // After an escaped backslash, what looks like the first half is plain text, and the second half stands alone.
    if (isEscaped(text, at)) return low === undefined ? found : `${found.slice(0, 6)}\\ufffd`;
    return low === undefined ? '\\ufffd' : found;
  });
}

function isEscaped(text: string, at: number): boolean {
  let before = at;
  while (before > 0 && text.charCodeAt(before - 1) === backslash) before -= 1;
  return (at - before) % 2 === 1;
}

/**
 * Whether a JSON text nests arrays deeper than this. JSON.parse takes 25 ms for 128,000 arrays in each other, but 5 ms at most for the
 * 43,000 objects that fit into the same 256 KB; so only a body with that many arrays is looked at closely.
 */
function nestsBeyond(levels: number, text: string): boolean {
  let arrays = 0;
  for (let at = text.indexOf('['); at >= 0 && arrays <= levels; at = text.indexOf('[', at + 1)) arrays += 1;
  return arrays > levels && deepest(text, levels) > levels;
}

function deepest(text: string, enough: number): number {
  let depth = 0;
  let most = 0;
  for (let at = 0; at < text.length && most <= enough; at += 1) {
    const code = text.charCodeAt(at);
    if (code === quote) at = endOfString(text, at) - 1;
    else if (code === openArray || code === openObject) most = Math.max(most, ++depth);
    else if (code === closeArray || code === closeObject) depth -= 1;
  }
  return most;
}

const [quote, backslash, openArray, closeArray, openObject, closeObject] = [34, 92, 91, 93, 123, 125];

/** The offset after the closing quote of the JSON string that starts here. */
export function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text.charCodeAt(at) !== quote) at += text.charCodeAt(at) === backslash ? 2 : 1;
  return at + 1;
}
