import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { open } from 'lmdb';
import { fingerprinter } from './ids.ts';
import { LmdbLog } from './lmdb-log.ts';
import { LmdbState } from './lmdb-state.ts';
import { own } from './owner.ts';
import type { Store, StoreOptions } from './store.ts';

/** Opens the embedded log in a folder of its own. Throws if another process uses the folder. */
export async function openLmdb(folder: string, options: StoreOptions): Promise<Store> {
  mkdirSync(folder, { recursive: true });
  const owner = await own(folder);
  const root = open({
    path: folder,
    encoding: 'binary',
    maxDbs: 16,
    // A commit resolves after its sync, never before; and a log is never opened on pages that were not synced.
    overlappingSync: false,
    safeRestore: true,
  } as Parameters<typeof open>[0] & { path: string });
  const settings = root.openDB<{ seeds: [number, number] }, string>({ name: 'settings', encoding: 'json' });
  const stored = settings.get('fingerprints');
  const seeds = stored?.seeds ?? newSeeds();
  if (stored === undefined) await settings.put('fingerprints', { seeds });

  const state: LmdbState = new LmdbState(root, {
    quarantineMax: options.quarantineMax,
    head: (shop) => log.head(shop),
  });
  const log: LmdbLog = new LmdbLog(root, state, fingerprinter(...seeds), options);
  return {
    log,
    state,
    close: async () => {
      await log.close();
      await root.close();
      await owner.release();
    },
  };
}

const newSeeds = (): [number, number] => {
  const bytes = randomBytes(8);
  return [bytes.readUInt32LE(0), bytes.readUInt32LE(4)];
};
