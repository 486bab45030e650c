import { type FileHandle, open } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gunzip, type InflateRaw, type InputType, inflateRaw, type ZlibOptions } from 'node:zlib';

/**
 * The offset after the last complete line (or gzip member). What follows was being written when the process or the machine died. Only the end
 * can be torn, since a batch is on the disk before the next one is begun.
 */
export async function soundEnd(path: string, gzip: boolean): Promise<number> {
  const handle = await open(path, 'r');
  try {
    const { size } = await handle.stat();
    return gzip ? await endOfMembers(handle, size) : (await lastIndexOf(handle, size, Buffer.from('\n'))) + 1;
  } finally {
    await handle.close();
  }
}

// The start of every member: gzip, deflate, no flags, no time, default compression. Nine such bytes do not appear by chance.
const memberStart = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0]);
const headerBytes = 10;
const trailerBytes = 8;

async function endOfMembers(handle: FileHandle, size: number): Promise<number> {
  const start = await lastIndexOf(handle, size, memberStart);
  if (start === -1) return 0;
  const member = await readRange(handle, start, size);
  try {
    const end = headerBytes + (await deflatedBytes(member.subarray(headerBytes))) + trailerBytes;
    // Checks the sum and the length in the trailer, too; throws if the trailer is cut short.
    await promisify(gunzip)(member.subarray(0, end));
    return start + end;
  } catch {
    return start;
  }
}

// With `info`, zlib also tells how far it read; its types do not know that for the asynchronous form.
type Informed = (bytes: InputType, options: ZlibOptions, done: (error: Error | null, result: unknown) => void) => void;

async function deflatedBytes(bytes: Buffer): Promise<number> {
  const result = await promisify(inflateRaw as Informed)(bytes, { info: true });
  return (result as { engine: InflateRaw }).engine.bytesWritten;
}

const windowBytes = 1 << 20;

// Searches backwards, in windows that overlap by one needle. -1 if it is nowhere.
async function lastIndexOf(handle: FileHandle, size: number, needle: Buffer): Promise<number> {
  for (let end = size; end > 0; end -= windowBytes) {
    const start = Math.max(0, end - windowBytes);
    const window = await readRange(handle, start, Math.min(size, end + needle.length - 1));
    const found = window.lastIndexOf(needle);
    if (found !== -1) return start + found;
  }
  return -1;
}

async function readRange(handle: FileHandle, start: number, end: number): Promise<Buffer> {
  const bytes = Buffer.alloc(end - start);
  let filled = 0;
  while (filled < bytes.length) {
    const { bytesRead } = await handle.read(bytes, filled, bytes.length - filled, start + filled);
    if (bytesRead === 0) return bytes.subarray(0, filled);
    filled += bytesRead;
  }
  return bytes;
}
