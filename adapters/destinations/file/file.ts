import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import Type, { type Static } from 'typebox';
import type { Outcome } from '../../outcome.ts';
import type { Batch, Destination, Sender, Tools } from '../destination.ts';
import { Archive, type Disk } from './archive.ts';

const settings = Type.Object({
  directory: Type.String({
    default: 'data/archive',
    minLength: 1,
    description: 'Where the files go: <directory>/<shop>/<pipeline>.<time>.<first position>.ndjson',
  }),
  maxBytes: Type.Integer({
    default: 64_000_000,
    minimum: 1,
    description: 'A file is completed before it would grow past this size, in bytes.',
  }),
  maxAgeSeconds: Type.Integer({
    default: 300,
    minimum: 1,
    maximum: 86_400,
    description: 'A file is completed when it has been open this long, in seconds.',
  }),
  gzip: Type.Boolean({ default: false, description: 'Compress, to .ndjson.gz; read with zcat.' }),
});
type Settings = Static<typeof settings>;

/** Writes events to files, one JSON object per line. */
export const file: Destination<typeof settings> = {
  type: 'file',
  description: 'Writes events to files of newline-delimited JSON, one event per line.',
  settings,
  onDisk: true,
  maxBatch: () => 1_000,
  connect: (chosen, tools) => connectFile(chosen, tools),
};

/**
 * Like `file.connect`, on a given disk. Delivered means on the disk. A batch is in a file completely or not at all; if the process dies while
 * writing one, the next process writes it again. A write in progress is finished even if `signal` aborts.
 */
export function connectFile(chosen: Settings, tools: Tools, disk: Disk = { open }): Sender {
  const archives = new Map<string, Archive>();
  const archiveOf = ({ shop, pipeline }: Batch): Archive => {
    const folder = join(chosen.directory, safe(shop, /[^A-Za-z0-9_.-]|^\./g));
    const prefix = safe(pipeline, /[^A-Za-z0-9_-]/g);
    const archive = archives.get(`${folder}/${prefix}`) ?? new Archive({ ...chosen, folder, prefix }, tools, disk);
    archives.set(`${folder}/${prefix}`, archive);
    return archive;
  };
  return {
    async send(batch, signal) {
      const outcome = signal.aborted ? stopped : await write(archiveOf(batch), batch, chosen);
      return batch.events.map(() => outcome);
    },
    async close() {
      for (const archive of archives.values()) await archive.close();
    },
  };
}

const stopped: Outcome = { kind: 'retry', reason: 'stopped' };

async function write(archive: Archive, { events }: Batch, chosen: Settings): Promise<Outcome> {
  const [first] = events;
  if (!first) return stopped;
  const lines = Buffer.from(events.map(({ event }) => `${JSON.stringify(event)}\n`).join(''));
  try {
    // Each batch is a separate gzip member, so that a torn one can be cut off. Readers see one stream.
    await archive.append(first.position, chosen.gzip ? await promisify(gzip)(lines) : lines);
    return { kind: 'delivered', status: 'on disk' };
  } catch (error) {
    return { kind: 'retry', reason: reasonOf(error, chosen.directory) };
  }
}

// Names come from the configuration: whatever they contain, they stay in their folder and never collide.
const safe = (name: string, unsafe: RegExp): string =>
  name.replace(unsafe, (found) =>
    Array.from(Buffer.from(found), (byte) => `%${byte.toString(16).padStart(2, '0')}`).join(''),
  );

function reasonOf(error: unknown, directory: string): string {
  const { code, message } = error as NodeJS.ErrnoException;
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return `${directory}: the disk is full (${code}); free some space or set another directory`;
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return `${directory}: may not be written (${code}); let the gateway's user write there or set another directory`;
    case 'ENOTDIR':
    case 'EEXIST':
      return `${directory}: must be a directory, got something else (${code}); set another directory`;
    default:
      return `${directory}: cannot be written: ${message}`;
  }
}
