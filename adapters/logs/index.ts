import { openLmdb } from './lmdb/open.ts';
import { LogUnusable } from './log.ts';
import { openMemory } from './memory/open.ts';
import { migratePostgres, openPostgres } from './postgres/open.ts';
import type { Store, StoreOptions } from './store.ts';

/** Opens the log that a URL names: `lmdb:<folder>`, `postgres://…` or `memory:`. Throws where the URL or the log is unusable. */
export async function openStore(url: string, options: StoreOptions): Promise<Store> {
  const [scheme, rest = ''] = split(url);
  switch (scheme) {
    case 'lmdb':
      return openLmdb(rest, options);
    case 'postgres':
    case 'postgresql':
      return openPostgres(url, options);
    case 'memory':
      return openMemory(options);
    default:
      throw new LogUnusable(`LOG_URL must start with lmdb:, postgres: or memory:, got "${scheme}:"`);
  }
}

/** Brings a log's database up to date; gives the names of what was done, nothing for a log that needs none. */
export async function migrate(url: string, encrypt: boolean): Promise<readonly string[]> {
  return /^postgres(ql)?:/.test(url) ? migratePostgres(url, encrypt) : [];
}

function split(url: string): [scheme: string, rest?: string] {
  const colon = url.indexOf(':');
  return colon < 0 ? [url] : [url.slice(0, colon), url.slice(colon + 1)];
}
