import { Composer, type CST, type Document, LineCounter, Parser, visit, type YAMLError } from 'yaml';
import { ConfigError } from '../base/errors.ts';
import { isRecord } from '../base/unknown-values.ts';
import { type PlaceOf, placeAt, placesIn } from './yaml-places.ts';

const MOST_ALIASES = 1000;
/** Far more than a configuration needs, and far less than what ends in a full stack. */
const DEEPEST = 100;
/** Values in all, each counted as often as an alias repeats it. A shop with two pipelines has some 20. */
const MOST_VALUES = 2_000_000;

export interface Parsed {
  readonly value: unknown;
  readonly placeOf: PlaceOf;
}

/** The value of YAML or JSON text; `name` says in mistakes which text it was. Throws ConfigError with line and column, never with the text itself. */
export function parseYaml(text: string, name: string): Parsed {
  const lines = new LineCounter();
  const refuse = (mistakes: readonly string[]): ConfigError => new ConfigError(mistakes.map((one) => `${name}${one}`));
  const tokens = [...new Parser(lines.addNewLine).parse(text)];
  // Before it is composed, which takes a piece of the stack for each level: V8 may end the process where that is full.
  const deep = tooDeepIn(tokens);
  if (deep !== undefined) throw refuse([`, ${placeAt(deep, lines)}: nested more than ${DEEPEST} deep; ${ENOUGH}`]);
  const [document, second] = new Composer({ prettyErrors: false, logLevel: 'error' }).compose(
    tokens,
    true,
    text.length,
  );
  if (document === undefined) return { value: null, placeOf: () => undefined };
  if (second) throw refuse([`, ${placeAt(second.range[0], lines)}: a second document begins (---); write one only`]);
  const problems = [...document.errors, ...document.warnings];
  if (problems.length > 0) throw refuse(sentences(problems, text, lines).map((one) => `, ${one}`));
  const misplaced = selfHeldIn(document);
  if (misplaced !== undefined)
    throw refuse([
      `, ${placeAt(misplaced, lines)}: an alias (*name) stands inside what it stands for (&name); ${QUOTE}`,
    ]);
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: MOST_ALIASES });
  } catch {
    // The parser's own message names the alias, which may be a token that begins with a star.
    throw refuse([`: an alias (*name) has no anchor (&name), or there are over ${MOST_ALIASES} of them; ${QUOTE}`]);
  }
  const excess = excessOf(value);
  if (excess !== undefined) throw refuse([`: with its aliases (*name) filled in it is ${excess}; write fewer`]);
  return { value, placeOf: placesIn(document, lines) };
}

const QUOTE = 'text that begins with * must be in quotes, as in "*"';
const ENOUGH = 'a configuration needs no more than 10';

/** A sentence for each problem. The `{` of a `${NAME}` in brackets is a slip of its own, and all behind the first one follows from it. */
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
  // What follows the colon quotes the text, and the text may hold secrets.
  const message = problem.message.replace(/(?<! or ): .*$/s, '');
  return `${placeAt(problem.pos[0], lines)}: ${message}${problem.code === 'BAD_ALIAS' ? `; ${QUOTE}` : ''}`;
}

/** Where the first value begins that is nested too deeply. */
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

/** Where the first alias is that stands inside what it stands for. */
function selfHeldIn(document: Document): number | undefined {
  let at: number | undefined;
  visit(document, {
    Alias: (_, alias, path) => {
      if (!path.includes(alias.resolve(document) as never)) return undefined;
      at = alias.range?.[0] ?? 0;
      return visit.BREAK;
    },
  });
  return at;
}

/** What is too much of a value whose aliases are filled in. */
function excessOf(value: unknown): string | undefined {
  const open: { readonly one: unknown; readonly depth: number }[] = [{ one: value, depth: 0 }];
  let count = 0;
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    count += 1;
    if (count > MOST_VALUES) return `over ${MOST_VALUES} values`;
    const { one, depth } = next;
    if (depth > DEEPEST) return `nested more than ${DEEPEST} deep`;
    const inner = Array.isArray(one) ? one : isRecord(one) ? Object.values(one) : [];
    for (const item of inner) open.push({ one: item, depth: depth + 1 });
  }
  return undefined;
}
