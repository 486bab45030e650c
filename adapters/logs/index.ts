import type { LogKind } from './kind.ts';
import { lmdb } from './lmdb/kind.ts';
import { LogUnusable } from './log.ts';
import { memory } from './memory/kind.ts';
import { postgres } from './postgres/kind.ts';
import type { Store, StoreOptions } from './store.ts';

/** Every kind of log. To add one, see adapters/README.md. */
export const logKinds: readonly LogKind[] = [lmdb, postgres, memory];

/** The kind of log that a URL names; undefined if no kind has its scheme. */
export const logKind = (url: string): LogKind | undefined =>
  logKinds.find(({ schemes }) => schemes.includes(schemeOf(url)));

/** Opens the log that a URL names. Throws LogUnusable or LogUnavailable. */
export async function openStore(url: string, options: StoreOptions): Promise<Store> {
  const kind = logKind(url);
  if (kind === undefined)
    throw new LogUnusable(`LOG_URL: must start with lmdb:, postgres: or memory:, got "${schemeOf(url)}:"`);
  return kind.open(url, options);
}

const schemeOf = (url: string): string => url.split(':', 1)[0] ?? '';
