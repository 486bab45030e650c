import { openLmdb } from './lmdb.ts';
import { openMemory } from './memory.ts';
import type { Store, StoreOptions } from './store.ts';

/** Opens the log that a URL names: `lmdb:<folder>` or `memory:`. Throws where the URL or the log is unusable. */
export async function openStore(url: string, options: StoreOptions): Promise<Store> {
  const [scheme, rest = ''] = split(url);
  switch (scheme) {
    case 'lmdb':
      return openLmdb(rest, options);
    case 'memory':
      return openMemory(options);
    default:
      throw new Error(`LOG_URL must start with lmdb: or memory:, got "${scheme}:"`);
  }
}

function split(url: string): [scheme: string, rest?: string] {
  const colon = url.indexOf(':');
  return colon < 0 ? [url] : [url.slice(0, colon), url.slice(colon + 1)];
}
