import { destinations } from '../../adapters/destinations/index.ts';
import { loadConfig } from '../../server/config/load.ts';

export const HOOK_SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

/** The configuration of a page's example; each environment variable that it names has a value. */
export function loadExample(source: string): ReturnType<typeof loadConfig> {
  const names = [...source.matchAll(/\$\{(\w+)\}/g)].map(([, name = '']) => name);
  const env = Object.fromEntries(
    names.map((name) => [name, name === 'HOOK_SECRET' ? HOOK_SECRET : `value-of-${name}`]),
  );
  return loadConfig({ source, env, destinations });
}
