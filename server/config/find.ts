import type { Settings } from '../../schemas/settings.ts';
import { ConfigError } from '../base/errors.ts';
import { isProduction } from './settings.ts';

/** Where the configuration is. `source`: a path for `file`, otherwise the text itself. */
export interface Found {
  readonly kind: 'file' | 'text' | 'demo';
  readonly source: string;
}

/** The configuration of a development start that has none. */
export const demoConfig = `shops:
  - shop: demo.myshopify.com
    tokens: [demo-token]
    pipelines:
      - id: archive
        destination: { type: file, directory: data/archive }
`;

const DEFAULT_PATH = 'gateway.yaml';

/** Finds the configuration: GATEWAY_CONFIG, else ./gateway.yaml, else the demo. Throws ConfigError in production, which has no demo. */
export function findConfig(settings: Settings, exists: (path: string) => boolean): Found {
  const { GATEWAY_CONFIG: given } = settings;
  if (given !== undefined) return { kind: isText(given) ? 'text' : 'file', source: given };
  if (exists(DEFAULT_PATH)) return { kind: 'file', source: DEFAULT_PATH };
  if (!isProduction(settings)) return { kind: 'demo', source: demoConfig };
  throw new ConfigError([
    'GATEWAY_CONFIG: must be the path of a YAML file, or the text itself, got nothing; set it, or put gateway.yaml beside package.json, for example\n' +
      demoConfig.replace('demo-token', 'sha256:<hex of your token>').replace(/^/gm, '      ').trimEnd(),
  ]);
}

/** Whether GATEWAY_CONFIG holds a configuration and not a path. */
export const isText = (source: string): boolean => source.includes('\n') || /^\s*(\{|["']?shops["']?\s*:)/.test(source);
