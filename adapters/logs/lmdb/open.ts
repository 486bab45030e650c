import { existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { open } from 'lmdb';
import { endedByClose } from '../closing.ts';
import { type LogRecord, LogUnavailable, type UnreadableEvents } from '../log.ts';
import type { Store, StoreOptions } from '../store.ts';
import { type Commit, chained } from './chain.ts';
import { folderError } from './folder-errors.ts';
import { formOf } from './format.ts';
import { LmdbHeads } from './heads.ts';
import { lockFolder } from './lock-folder.ts';
import { LmdbLog } from './log.ts';
import { type Mark, readMark, writeMark } from './mark.ts';
import { LmdbPages } from './pages.ts';
import { MOST_TREES, probe } from './probe.ts';
import { makeHeads } from './remember.ts';
import { finished, type Restoration, setAside, unfinished } from './restoration.ts';
import { salvage } from './salvage.ts';
import { LmdbState } from './state.ts';

const APPENDS_AT_ONCE = 256;
/** Far below the limit of what may wait for a commit. */
const BYTES_AT_ONCE = 16 * 1024 * 1024;

/**
 * Opens the embedded log in a folder of its own. A damaged file is put aside and its intact records are stored anew; if this start ends before
 * that is complete, the next one finishes it. Throws LogUnusable if another process uses the folder or it is not writable.
 */
export async function openLmdb(folder: string, options: StoreOptions): Promise<Store> {
  try {
    return endedByClose(await openFolder(folder, options));
  } catch (error) {
    throw folderError(folder, error);
  }
}

async function openFolder(folder: string, options: StoreOptions): Promise<Store> {
  makeFolder(resolve(folder));
  const lock = await lockFolder(folder);
  const mark = readMark(folder);
  const restoration = unfinished(folder) ?? (await begun(folder, mark, options));
  const store = await openIn(folder, options, lock.release);
  if (restoration === undefined) await compare(store.log, mark, options);
  else {
    await restore(store, restoration, options);
    finished(folder);
  }
  return store;
}

/** Not by `recursive`: in a file system that makes no folders (/proc), Node tries for ever. */
function makeFolder(folder: string): void {
  if (existsSync(folder)) return;
  if (dirname(folder) !== folder) makeFolder(dirname(folder));
  try {
    mkdirSync(folder);
  } catch (error) {
    // Another process may have made it meanwhile.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || !existsSync(folder)) throw error;
  }
}

/** Puts a damaged file aside. */
async function begun(folder: string, mark: Mark | undefined, { now }: StoreOptions): Promise<Restoration | undefined> {
  const damage = await damageOf(folder, mark);
  return damage === undefined ? undefined : setAside(folder, damage, mark, now());
}

async function damageOf(folder: string, mark: Mark | undefined): Promise<string | undefined> {
  const held = Object.values(mark?.shops ?? {}).some((newest) => newest > 0);
  return held && !existsSync(join(folder, 'data.mdb')) ? 'the file is missing' : probe(folder);
}

async function openIn(folder: string, options: StoreOptions, release: () => Promise<void>): Promise<Store> {
  const root = open({
    path: folder,
    encoding: 'binary',
    maxDbs: MOST_TREES,
    // A commit must resolve only after its sync, and a log must never be opened on pages that were not synced.
    overlappingSync: false,
    safeRestore: true,
  } as Parameters<typeof open>[0] & { path: string });
  const form = await formOf(root, folder).catch(async (error: unknown) => {
    await root.close();
    await release();
    throw error;
  });
  const keepMark = markKeeper(async () => writeMark(folder, await markOf(log, state)), options);
  const commit: Commit = async (write) => {
    if (log.failure) throw new LogUnavailable('the log has failed', { cause: log.failure });
    const blocked = options.writesBlockedBy?.();
    if (blocked !== undefined) throw new LogUnavailable(blocked);
    try {
      await write();
    } catch (error) {
      log.fail(error instanceof Error ? error : new Error(String(error)));
      throw new LogUnavailable('the commit failed', { cause: error });
    }
  };
  const state: LmdbState = new LmdbState(root, {
    ...options,
    head: (shop) => log.head(shop),
    onBegun: keepMark,
    commit,
  });
  const heads = new LmdbHeads(root);
  const pages = new LmdbPages(root, heads, options, (shop) => log.head(shop), commit);
  if (form.settle) {
    await makeHeads(root, heads, pages, state.shops(), options);
    await form.settle();
  }
  const { hashing } = form;
  const chain = await chained(root);
  const log: LmdbLog = new LmdbLog({ chain, state, pages, heads, hashing, keepMark }, options);
  await state.quarantine.index(state.shops());
  const close = async (): Promise<void> => {
    await log.close();
    if (log.failure === undefined) await keepMark();
    await root.close();
    await release();
  };
  let closing: Promise<void> | undefined;
  return {
    log,
    state,
    reusableBytes: () => Math.max(0, sizeOf(folder) - log.usedBytes() - state.usedBytes()),
    close: () => {
      closing ??= close();
      return closing;
    },
  };
}

/**
 * Writes marks one after the other, since they share a file. Marks are needed only after damage: if one cannot be written, the previous one
 * stays and everything continues. That is logged once, until one succeeds.
 */
function markKeeper(write: () => Promise<void>, { onUnmarked }: StoreOptions): () => Promise<void> {
  let marked = Promise.resolve();
  let isTold = false;
  const keep = async (): Promise<void> => {
    try {
      await write();
      isTold = false;
    } catch (error) {
      if (!isTold) onUnmarked?.(error instanceof Error ? error : new Error(String(error)));
      isTold = true;
    }
  };
  return () => {
    marked = marked.then(keep);
    return marked;
  };
}

async function markOf(log: LmdbLog, state: LmdbState): Promise<Mark> {
  const shops = Object.fromEntries(state.shops().map((shop) => [shop, log.head(shop)]));
  const pipelines: Mark['pipelines'][number][] = [];
  // Also pipelines whose shops have no events yet: after a restoration they own what came before the next mark.
  for (const id of state.cursors.all()) {
    const { position = 0 } = (await state.cursors.progress(id)) ?? {};
    pipelines.push({ ...id, settledAt: (position > 0 && log.receivedAt(id.shop, position)) || 0 });
    // Reading a page takes up to a megabyte, and there may be hundreds of pipelines.
    if (position > 0) await nextTurn();
  }
  return { shops, pipelines };
}

/**
 * Stores the intact records of a file that was put aside, and moves each pipeline to what it had finished by the last mark. Events of the mark's
 * last millisecond are delivered again, since a request may have been half finished.
 */
async function restore(
  { log, state }: Store,
  { reason, aside, mark }: Restoration,
  { view, onDamage }: StoreOptions,
): Promise<void> {
  let events = 0;
  let unreadable = 0;
  const onUnreadable = ({ stretch: { from, to } }: UnreadableEvents): void => {
    unreadable += to - from + 1;
  };
  const append = async (records: readonly LogRecord[]): Promise<void> => {
    const verdicts = await Promise.all(records.map((record) => log.append(record)));
    events += verdicts.flat().filter(({ kind }) => kind === 'stored').length;
  };
  const file = join(aside, 'data.mdb');
  let records: LogRecord[] = [];
  let bytes = 0;
  for await (const record of existsSync(file) ? salvage(file, view, onUnreadable) : []) {
    records.push(record);
    bytes += record.body.length;
    if (records.length < APPENDS_AT_ONCE && bytes < BYTES_AT_ONCE) continue;
    await append(records);
    records = [];
    bytes = 0;
  }
  await append(records);
  for (const { settledAt, ...id } of mark?.pipelines ?? [])
    await state.cursors.begin(id, await log.before(id.shop, settledAt));
  onDamage({ reason, aside, events, ...(unreadable > 0 && { unreadable }) });
}

/** Detects an intact file that ends before the mark: it was emptied, or is from a backup. */
async function compare(log: Store['log'], mark: Mark | undefined, { onDamage }: StoreOptions): Promise<void> {
  for (const [shop, reached] of Object.entries(mark?.shops ?? {})) {
    const { newest } = await log.extent(shop);
    if (newest < reached) onDamage({ reason: `${shop} ends at ${newest}, and had come to ${reached} before` });
  }
}

const sizeOf = (folder: string): number => statSync(join(folder, 'data.mdb')).size;
