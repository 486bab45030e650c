import { readFileSync, type Stats, unwatchFile, watchFile } from 'node:fs';
import { Check, Default } from 'typebox/value';
import type { Destination } from '../../adapters/destinations/destination.ts';
import { dialects } from '../../adapters/dialects/index.ts';
import { type Config, configSchema } from '../../schemas/config.ts';
import type { Settings } from '../../schemas/settings.ts';
import { ConfigError } from '../base/errors.ts';
import { type Mistake, pathText, schemaMistakes } from './checks/schema.ts';
import { semanticMistakes } from './checks/semantics.ts';
import { uniquenessMistakes } from './checks/uniqueness.ts';
import { interpolate } from './interpolate.ts';
import { type Environment, isProduction } from './settings.ts';
import { type Parsed, parseYaml } from './yaml.ts';

/** Where the configuration is: `source` is a path for `file`, otherwise the text itself. */
export interface Found {
  readonly kind: 'file' | 'text' | 'demo';
  readonly source: string;
}

/** What a development start runs that has no configuration. */
export const demoConfig = `shops:
  - shop: demo.myshopify.com
    tokens: [demo-token]
    pipelines:
      - id: archive
        destination: { type: file, directory: data/archive }
`;

const DEFAULT_PATH = 'gateway.yaml';

/** Finds the configuration: what GATEWAY_CONFIG says, else ./gateway.yaml, else the demo. In production there is no demo: throws ConfigError. */
export function findConfig(settings: Settings, exists: (path: string) => boolean): Found {
  const { GATEWAY_CONFIG: given } = settings;
  if (given !== undefined) return { kind: isText(given) ? 'text' : 'file', source: given };
  if (exists(DEFAULT_PATH)) return { kind: 'file', source: DEFAULT_PATH };
  if (!isProduction(settings)) return { kind: 'demo', source: demoConfig };
  throw new ConfigError([
    'no configuration: set GATEWAY_CONFIG to the path of a YAML file or to the text itself, or put gateway.yaml beside package.json, for example\n' +
      demoConfig.replace('demo-token', 'sha256:<hex of your token>').replace(/^/gm, '      ').trimEnd(),
  ]);
}

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

/**
 * Calls `onChange` after each change of a file, until `signal` aborts; then resolves. Looks at the file instead of subscribing, which
 * also sees files replaced by editors, swapped symbolic links (Kubernetes) and network disks. A file that is gone for a moment is no change.
 */
export function watchConfig(
  path: string,
  onChange: () => void,
  signal: AbortSignal,
  { intervalMs = 1000 }: { readonly intervalMs?: number } = {},
): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  const changed = (now: Stats): void => {
    if (now.isFile()) onChange();
  };
  watchFile(path, { interval: intervalMs, persistent: false }, changed);
  return new Promise((resolve) => {
    const stop = (): void => {
      unwatchFile(path, changed);
      resolve();
    };
    signal.addEventListener('abort', stop, { once: true });
  });
}

const isText = (source: string): boolean => source.includes('\n') || /^\s*(\{|["']?shops["']?\s*:)/.test(source);

function read(path: string): Parsed {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    const why = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown error';
    throw new ConfigError(
      [`GATEWAY_CONFIG must be the path of a readable file, or the text itself, got ${shownPath(path)} (${why})`],
      { cause },
    );
  }
  return parseYaml(text, path);
}

/** A text that was meant as a configuration may hold tokens; only what looks like a path is shown. */
const shownPath = (path: string): string =>
  /^[\w./@+~-]{1,200}$/.test(path) ? path : `${path.length} characters that are neither`;

/** A mistake often causes another at the same place; only what the earliest check found there helps. */
function firstPerPlace(checks: readonly (readonly Mistake[])[]): Mistake[] {
  return checks.flatMap((found, index) => {
    const earlier = new Set(checks.slice(0, index).flatMap((check) => check.map(({ path }) => pathText(path))));
    return found.filter(({ path }) => !earlier.has(pathText(path)));
  });
}

const sentence = ({ path, text }: Mistake, place: string | undefined): string =>
  `${pathText(path) || 'the configuration'}${place === undefined ? '' : ` (${place})`}: ${text}`;
