import { LineCounter, parseDocument, type YAMLError } from 'yaml';
import { ConfigError } from './settings.ts';

const MOST_ALIASES = 1000;

/** The value of YAML or JSON text; `name` says in mistakes which text it was. Throws ConfigError with line and column, never with the text itself. */
export function parseYaml(text: string, name: string): unknown {
  const lines = new LineCounter();
  const document = parseDocument(text, { prettyErrors: false, lineCounter: lines });
  const problems = [...document.errors, ...document.warnings];
  if (problems.length > 0) throw new ConfigError(problems.map((problem) => `${name}, ${described(problem, lines)}`));
  try {
    return document.toJS({ maxAliasCount: MOST_ALIASES });
  } catch {
    // The parser's own message names the alias, which may be a token that begins with a star.
    throw new ConfigError([
      `${name}: an alias (*name) has no anchor (&name), or there are over ${MOST_ALIASES} of them; ${QUOTE}`,
    ]);
  }
}

const QUOTE = 'text that begins with * must be in quotes, as in "*"';

function described(problem: YAMLError, lines: LineCounter): string {
  const { line, col } = lines.linePos(problem.pos[0]);
  // What follows the colon quotes the text, and the text may hold secrets.
  const message = problem.message.replace(/: .*$/s, '');
  return `line ${line}, column ${col}: ${message}${problem.code === 'BAD_ALIAS' ? `; ${QUOTE}` : ''}`;
}
