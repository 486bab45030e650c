import { type FileHandle, open, readdir, rename, truncate, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Tools } from '../destination.ts';
import { exists, makeFolder, sync } from './durable.ts';
import { soundEnd } from './torn.ts';

export interface ArchiveOptions {
  /** Made if it is missing. */
  readonly folder: string;
  /** What every file name begins with. Letters, digits, '_', '-' and '%' only: a '.' ends it. */
  readonly prefix: string;
  readonly maxBytes: number;
  readonly maxAgeSeconds: number;
  readonly gzip: boolean;
}

/** The part of node:fs/promises that tests replace by a failing one. */
export interface Disk {
  open(path: string, flags: string, mode?: number): Promise<FileHandle>;
}

interface Growing {
  readonly handle: FileHandle;
  readonly path: string;
  /** Bytes that are surely on the disk. */
  size: number;
  /** There may be torn bytes after `size`. */
  torn: boolean;
  /** It is old enough to be completed. */
  due: boolean;
  readonly timer: NodeJS.Timeout;
}

const mark = '.current.';

/**
 * Files in one folder, of which at most one grows: `<prefix>.<time>.<first position>.current.ndjson`. When it is large or old enough, `.current`
 * is removed from its name, atomically, and the file never changes again. No file is ever overwritten.
 */
export class Archive {
  readonly #options: ArchiveOptions;
  readonly #tools: Tools;
  readonly #disk: Disk;
  #growing: Growing | undefined;
  #recovered = false;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: ArchiveOptions, tools: Tools, disk: Disk = { open }) {
    this.#options = options;
    this.#tools = tools;
    this.#disk = disk;
  }

  /** Resolves once the bytes are on the disk. If it rejects (with the system's error), none of them stay in the file. */
  append(position: number, bytes: Buffer): Promise<void> {
    return this.#inTurn(async () => {
      await this.#recover();
      const { maxBytes } = this.#options;
      if (this.#growing && (await isDone(this.#growing, maxBytes - bytes.length))) await this.#complete(this.#growing);
      this.#growing ??= await this.#begin(position);
      await this.#write(this.#growing, bytes);
      // The events are safe already. If this fails, the next append tries again.
      if (this.#growing.size >= maxBytes) await this.#complete(this.#growing).catch(this.#postpone);
    });
  }

  /** Completes the growing file. */
  close(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#growing) await this.#complete(this.#growing).catch(this.#postpone);
    });
  }

  #inTurn(step: () => Promise<void>): Promise<void> {
    const done = this.#last.then(step);
    this.#last = done.catch(() => undefined);
    return done;
  }

  async #write(file: Growing, bytes: Buffer): Promise<void> {
    file.torn = true;
    try {
      await file.handle.appendFile(bytes);
      await file.handle.datasync();
    } catch (error) {
      // After a failed sync a later success on the same file proves nothing, so the file is completed and a new one begun.
      await this.#complete(file).catch(this.#postpone);
      throw error;
    }
    file.size += bytes.length;
    file.torn = false;
  }

  async #begin(position: number): Promise<Growing> {
    const { folder, maxAgeSeconds } = this.#options;
    await makeFolder(folder);
    const path = await this.#freePath(position);
    const handle = await this.#disk.open(path, 'ax', 0o640);
    try {
      await sync(folder);
    } catch (error) {
      await handle.close();
      throw error;
    }
    const timer = setTimeout(() => this.#grewOld(path), maxAgeSeconds * 1_000).unref();
    return { handle, path, size: 0, torn: false, due: false, timer };
  }

  // A replay may begin at the same position within the same second: then the name gets a number.
  async #freePath(position: number): Promise<string> {
    const { folder, prefix, gzip } = this.#options;
    const time = new Date(this.#tools.now()).toISOString().replace(/[-:]|\.\d+/g, '');
    const place = String(position).padStart(12, '0');
    for (let count = 1; ; count += 1) {
      const name = `${prefix}.${time}.${place}${count === 1 ? '' : `-${count}`}${mark}ndjson${gzip ? '.gz' : ''}`;
      const path = join(folder, name);
      if (!(await exists(path)) && !(await exists(finalPath(path)))) return path;
    }
  }

  #grewOld(path: string): void {
    this.#inTurn(async () => {
      const file = this.#growing;
      if (file?.path !== path) return;
      file.due = true;
      await this.#complete(file);
    }).catch(this.#postpone);
  }

  async #complete(file: Growing): Promise<void> {
    if (file.torn) {
      await file.handle.truncate(file.size);
      await file.handle.datasync();
      file.torn = false;
      file.due = true;
    }
    await finish(file.path, file.size).catch(takenAway);
    this.#growing = undefined;
    clearTimeout(file.timer);
    await file.handle.close();
    // If this fails, a power cut may bring the old name back; the next start completes the file again.
    await sync(this.#options.folder);
  }

  // A file that an earlier process left growing is cut to its intact part and completed.
  async #recover(): Promise<void> {
    if (this.#recovered) return;
    const { folder, prefix } = this.#options;
    const names = await readdir(folder).catch(nothingThere);
    for (const name of names.filter((name) => name.startsWith(`${prefix}.`) && name.includes(mark))) {
      const path = join(folder, name);
      const end = await soundEnd(path, name.endsWith('.gz'));
      await truncate(path, end);
      await sync(path);
      await finish(path, end);
      await sync(folder);
    }
    this.#recovered = true;
  }

  readonly #postpone = (error: unknown): void =>
    this.#tools.logger.warn(
      { reason: (error as NodeJS.ErrnoException).code ?? 'unknown', folder: this.#options.folder },
      'archive file not completed yet',
    );
}

// Only in the file's own name, since the folder may contain the same text.
const finalPath = (path: string): string => join(dirname(path), basename(path).replace(mark, '.'));

const finish = (path: string, size: number): Promise<void> =>
  size === 0 ? unlink(path) : rename(path, finalPath(path));

// A file that takes no more: damaged, old, full, or removed by someone while it was open.
async function isDone(file: Growing, roomBytes: number): Promise<boolean> {
  return file.torn || file.due || file.size > roomBytes || (await file.handle.stat()).nlink === 0;
}

// Someone moved or removed the growing file. Its events were on the disk when they counted as delivered, and there is no name to change.
function takenAway(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}

function nothingThere(error: NodeJS.ErrnoException): string[] {
  if (error.code === 'ENOENT') return [];
  throw error;
}
