import type { BodyLimits } from './dialect.ts';
import { cut, joined } from './words.ts';

/** Why an event is too large, too deep or too wide, whatever its content. `path` leads from the event to the place. */
export interface Excess {
  readonly code: 'too_deep' | 'too_many_keys' | 'too_large';
  readonly path: string;
  readonly expected: string;
  readonly got: string;
}

// The walk is recursive, and no setting may let a client choose the stack depth.
const deepestWalk = 500;

/** Fields that come from the URL of the visitor's page: they may be as long as the event (see `visitorText`). */
const byVisitor = /^(?:marketing_\w+|page_url|query)$/;

/** One cheap walk over a parsed event: depth, keys, length of texts, and size. */
export function excess(event: object, limits: BodyLimits): Excess | undefined {
  const tally = { keys: 0, characters: 0 };
  const found = walk(event, 1, tally, limits);
  if (found) return found;
  // A character takes at most 6 bytes, a key with its number and punctuation 32 more. So ordinary events need not be serialised for this.
  if (tally.characters * 6 + tally.keys * 32 <= limits.eventBytes) return undefined;
  const bytes = Buffer.byteLength(JSON.stringify(event));
  if (bytes <= limits.eventBytes) return undefined;
  return { code: 'too_large', path: '', expected: `at most ${limits.eventBytes} bytes`, got: `${bytes}` };
}

interface Tally {
  keys: number;
  characters: number;
}

function walk(node: object, level: number, tally: Tally, limits: BodyLimits): Excess | undefined {
  const deepest = Math.min(limits.depth, deepestWalk);
  if (level > deepest) return { code: 'too_deep', path: '', expected: `at most ${deepest} nested levels`, got: 'more' };
  if (Array.isArray(node)) return items(node, level, tally, limits);
  for (const key in node) {
    tally.keys += 1;
    tally.characters += key.length;
    if (tally.keys > limits.keys) return tooMany(limits);
    const value: unknown = node[key as keyof typeof node];
    const found = visit(value, level, tally, limits);
    if (found && !(level === 1 && typeof value === 'string' && byVisitor.test(key))) return at(key, found);
  }
  return undefined;
}

function items(node: readonly unknown[], level: number, tally: Tally, limits: BodyLimits): Excess | undefined {
  tally.characters += node.length * 5;
  for (let index = 0; index < node.length; index += 1) {
    const found = visit(node[index], level, tally, limits);
    if (found) return at(`[${index}]`, found);
  }
  return undefined;
}

function visit(value: unknown, level: number, tally: Tally, limits: BodyLimits): Excess | undefined {
  if (typeof value === 'string') {
    tally.characters += value.length;
    return value.length > limits.text ? tooLong(value, limits) : undefined;
  }
  return typeof value === 'object' && value !== null ? walk(value, level + 1, tally, limits) : undefined;
}

const tooLong = (value: string, { text }: BodyLimits): Excess => ({
  code: 'too_large',
  path: '',
  expected: `at most ${text} characters`,
  got: `${value.length}`,
});

const tooMany = ({ keys }: BodyLimits): Excess => ({
  code: 'too_many_keys',
  path: '',
  expected: `at most ${keys} keys in one event`,
  got: 'more',
});

const at = (key: string, found: Excess): Excess => ({ ...found, path: joined(cut(key), found.path) });
