import { Composer, type CST, type Document, LineCounter, Parser, visit, type YAMLError } from 'yaml';
import { ConfigError } from '../base/errors.ts';
import { isRecord } from '../base/unknown-values.ts';
import { type PlaceOf, placeAt, placesIn } from './yaml-places.ts';

const MOST_ALIASES = 1000;
/** Deepest nesting: far more than a configuration needs, and far less than what overflows the stack. */
const DEEPEST = 100;
/** Most values, each counted as often as aliases repeat it. A shop with two pipelines has about 20. */
const MOST_VALUES = 2_000_000;

export interface Parsed {
  readonly value: unknown;
  readonly placeOf: PlaceOf;
}

/** The value of YAML or JSON text. `name`: what messages call the text. Throws ConfigError with line and column, never with the text itself. */
export function parseYaml(text: string, name: string): Parsed {
  const lines = new LineCounter();
  const refuse = (mistakes: readonly string[]): ConfigError => new ConfigError(mistakes.map((one) => `${name}${one}`));
  const tokens = [...new Parser(lines.addNewLine).parse(text)];
  // Checked before composing, which recurses for each level: V8 may end the process on a full stack.
  const deep = tooDeepIn(tokens);
  if (deep !== undefined)
    throw refuse([`, ${placeAt(deep, lines)}: must be nested at most ${DEEPEST} deep, got more; ${ENOUGH}`]);
  const [document, second] = new Composer({ prettyErrors: false, logLevel: 'error' }).compose(
    tokens,
    true,
    text.length,
  );
  if (document === undefined) return { value: null, placeOf: () => undefined };
  if (second)
    throw refuse([`, ${placeAt(second.range[0], lines)}: must be one document, got a second one (---); remove it`]);
  const problems = [...document.errors, ...document.warnings];
  if (problems.length > 0) throw refuse(sentences(problems, text, lines).map((one) => `, ${one}`));
  const unknown = aliasIn(document, (target) => target === undefined);
  if (unknown !== undefined)
    throw refuse([`, ${placeAt(unknown, lines)}: an alias (*name) must have an anchor (&name) before it; ${QUOTE}`]);
  const misplaced = aliasIn(document, (target, around) => around.includes(target));
  if (misplaced !== undefined)
    throw refuse([
      `, ${placeAt(misplaced, lines)}: an alias (*name) must not be inside the value that it repeats (&name); ${QUOTE}`,
    ]);
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: MOST_ALIASES });
  } catch {
    // The parser's message names the alias, which may be a token that begins with a star.
    throw refuse([`: there must be at most ${MOST_ALIASES} aliases (*name); ${QUOTE}`]);
  }
  const excess = excessOf(value);
  if (excess !== undefined) throw refuse([`: with its aliases (*name) resolved, must be ${excess}; use fewer aliases`]);
  return { value, placeOf: placesIn(document, lines) };
}

const QUOTE = 'text that begins with * must be in quotes, as in "*"';
const ENOUGH = 'a configuration needs no more than 10';

/** A sentence for each problem. An unquoted `${NAME}` in brackets gets its own sentence; later problems are its consequences and left out. */
function sentences(problems: readonly YAMLError[], text: string, lines: LineCounter): string[] {
  const isSlip = ({ pos: [at] }: YAMLError): boolean => text.slice(at - 1, at + 1) === `\${`;
  const first = problems.findIndex(isSlip);
  const told = problems.filter((problem, i) => first < 0 || i < first || isSlip(problem));
  return told.map((problem) => {
    const [at] = problem.pos;
    return isSlip(problem) ? `${placeAt(at - 1, lines)}: ${IN_BRACKETS}` : described(problem, lines);
  });
}

const IN_BRACKETS = `inside [ ] and { } a text with \${NAME} must be in quotes, as in ["\${NAME}"]`;

function described(problem: YAMLError, lines: LineCounter): string {
  // After the colon the parser quotes the text, which may hold secrets.
  const message = problem.message.replace(/(?<! or ): .*$/s, '');
  return `${placeAt(problem.pos[0], lines)}: ${message}${problem.code === 'BAD_ALIAS' ? `; ${QUOTE}` : ''}`;
}

/** The offset of the first value that is nested too deeply. */
function tooDeepIn(tokens: readonly CST.Token[]): number | undefined {
  const open = tokens.map((token) => ({ token, depth: 0 }));
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { token, depth } = next;
    if (depth > DEEPEST) return token.offset;
    const inner = 'items' in token ? token.items.flatMap(({ key, value }) => [key, value]) : [];
    if (token.type === 'document') inner.push(token.value);
    for (const one of inner) if (one) open.push({ token: one, depth: depth + 1 });
  }
  return undefined;
}

/** The offset of the first alias of which `is` holds, by what it refers to and the values around it. */
function aliasIn(document: Document, is: (target: unknown, around: readonly unknown[]) => boolean): number | undefined {
  let at: number | undefined;
  visit(document, {
    Alias: (_, alias, path) => {
      if (!is(alias.resolve(document), path)) return undefined;
      at = alias.range?.[0] ?? 0;
      return visit.BREAK;
    },
  });
  return at;
}

/** The limit that a value exceeds after its aliases are resolved; undefined if it exceeds none. */
function excessOf(value: unknown): string | undefined {
  const open: { readonly one: unknown; readonly depth: number }[] = [{ one: value, depth: 0 }];
  let count = 0;
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    count += 1;
    if (count > MOST_VALUES) return `at most ${MOST_VALUES} values, got more`;
    const { one, depth } = next;
    if (depth > DEEPEST) return `nested at most ${DEEPEST} deep, got more`;
    const inner = Array.isArray(one) ? one : isRecord(one) ? Object.values(one) : [];
    for (const item of inner) open.push({ one: item, depth: depth + 1 });
  }
  return undefined;
}
