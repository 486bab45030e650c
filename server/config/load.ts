import { readFileSync } from 'node:fs';
import { Check, Default } from 'typebox/value';
import type { Destination } from '../../adapters/destinations/destination.ts';
import { dialects } from '../../adapters/dialects/index.ts';
import { type Config, configSchema } from '../../schemas/config.ts';
import { ConfigError } from '../base/errors.ts';
import { type Mistake, pathText, schemaMistakes } from './checks/schema.ts';
import { semanticMistakes } from './checks/semantics.ts';
import { uniquenessMistakes } from './checks/uniqueness.ts';
import { isText } from './find.ts';
import { interpolate } from './interpolate.ts';
import type { Environment } from './settings.ts';
import { type Parsed, parseYaml } from './yaml.ts';

/**
 * Reads a configuration (a path, or YAML or JSON text), fills in `${NAME}` from `env` and defaults, and checks all of it.
 * Throws one ConfigError with every mistake, each with its path, line and column.
 */
export function loadConfig(options: {
  readonly source: string;
  readonly env: Environment;
  readonly destinations: readonly Destination[];
}): Config {
  const { source, env, destinations } = options;
  const { value: written, placeOf } = isText(source) ? parseYaml(source, 'the configuration') : read(source);
  const { value, mistakes: unresolved, redact } = interpolate(written, env);
  const schema = configSchema(destinations, dialects);
  const config = Default(schema, value);
  const unfit = schemaMistakes(schema, config, written);
  const further = [...uniquenessMistakes(config), ...semanticMistakes(config, { destinations, dialects, redact })];
  const mistakes = firstPerPlace([unresolved, unfit, further]);
  if (mistakes.length > 0 || !Check(schema, config))
    throw new ConfigError(mistakes.map((mistake) => sentence(mistake, placeOf(mistake.path))));
  return config;
}

function read(path: string): Parsed {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    const why = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown error';
    throw new ConfigError(
      [
        `GATEWAY_CONFIG: must be the path of a readable file, or the text itself, got ${shownPath(path)} (${why}); correct the path, or let this user read it`,
      ],
      { cause },
    );
  }
  return parseYaml(text, path);
}

/** Shows only what looks like a path: other text may be a configuration with tokens. */
const shownPath = (path: string): string =>
  /^[\w./@+~-]{1,200}$/.test(path) ? path : `${path.length} characters that are neither`;

/** One mistake often causes another at the same place. Only those of the earliest check are kept. */
function firstPerPlace(checks: readonly (readonly Mistake[])[]): Mistake[] {
  return checks.flatMap((found, index) => {
    const earlier = new Set(checks.slice(0, index).flatMap((check) => check.map(({ path }) => pathText(path))));
    return found.filter(({ path }) => !earlier.has(pathText(path)));
  });
}

const sentence = ({ path, text }: Mistake, place: string | undefined): string =>
  `${pathText(path) || 'the configuration'}${place === undefined ? '' : ` (${place})`}: ${text}`;
