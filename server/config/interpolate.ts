import { blackOut } from '../../adapters/black-out.ts';
import { isRecord } from '../base/unknown-values.ts';
import type { Mistake, Path } from './checks/schema.ts';
import type { Environment } from './settings.ts';

export interface Interpolated {
  /** The value with every `${NAME}` in its texts replaced. */
  readonly value: unknown;
  readonly mistakes: readonly Mistake[];
  /** Puts `${NAME}` back in place of values from the environment, for messages. */
  readonly redact: (sentence: string) => string;
}

const REFERENCE = /\$\$\{|\$\{([^}]*)\}?/g;
// Shorter values are no secrets, and replacing them would garble messages.
const SHORTEST_REDACTED = 4;

/** Replaces `${NAME}` by environment variables, in values and never in keys; `$${` stands for a plain `${`. */
export function interpolate(written: unknown, env: Environment): Interpolated {
  const mistakes: Mistake[] = [];
  const used = new Map<string, string>();

  const filled = (text: string, path: Path): string =>
    text.replace(REFERENCE, (reference: string, name: string | undefined) => {
      if (reference === '$${') return '${';
      const value = env[name ?? ''];
      if (value && reference.endsWith('}')) {
        used.set(reference, value);
        return value;
      }
      mistakes.push({ path, text: unresolved(reference, name ?? '') });
      return reference;
    });

  const walk = (value: unknown, path: Path): unknown => {
    if (typeof value === 'string') return filled(value, path);
    if (Array.isArray(value)) return value.map((item, index) => walk(item, [...path, index]));
    if (!isRecord(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, walk(item, [...path, key])]));
  };

  const value = walk(written, []);
  const redact = (sentence: string): string =>
    blackOut(
      sentence,
      [...used].flatMap(([reference, secret]) =>
        secret.length >= SHORTEST_REDACTED ? [[secret, reference] as const] : [],
      ),
    );
  return { value, mistakes, redact };
}

function unresolved(reference: string, name: string): string {
  if (!reference.endsWith('}') || !/^\w+$/.test(name))
    return `must name a variable as \${NAME}, in letters, digits and _, got another form; write $\${ for a plain \${`;
  return `must name an environment variable with a value, got \${${name}}, which is not set or empty; set ${name}`;
}
