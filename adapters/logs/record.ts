import { crc32 } from 'node:zlib';
import type { Context } from '../dialects/dialect.ts';
import type { Fingerprint } from './ids.ts';

// A page is what one commit appended to one shop: records one after the other. A record is one request:
//
//   0  u32  length of the record, this field included
//   4  u32  CRC-32 of everything after this field
//   8  u8   format (1)
//   9  u8   number of events, n (a body holds 100 at most)
//  10  u16  length of the context, c
//  12  f64  time of receipt, milliseconds since 1970
//  20  n x 2 x u32  fingerprints of the event ids, so that dedup is rebuilt without reading bodies
//      n x u8       places of the accepted events in the body
//      c bytes      dialect and context, JSON
//      rest         the request's own bytes
const FORMAT = 1;
const MOST_EVENTS = 100;
const HEADER = 20;

export interface Entry {
  readonly dialect: string;
  readonly context: Context;
  readonly body: Buffer;
  readonly indexes: readonly number[];
  readonly fingerprints: readonly Fingerprint[];
}

/** A record in a page: read lazily, since most readers want one field of many records. */
export interface RecordSlice {
  readonly page: Buffer;
  readonly offset: number;
  readonly length: number;
  readonly count: number;
}

export function encodePage(entries: readonly Entry[]): Buffer {
  const contexts = entries.map((entry) => Buffer.from(JSON.stringify({ dialect: entry.dialect, ...entry.context })));
  const lengths = entries.map(
    (entry, i) => HEADER + entry.indexes.length * 9 + (contexts[i]?.length ?? 0) + entry.body.length,
  );
  const page = Buffer.allocUnsafeSlow(lengths.reduce((sum, length) => sum + length, 0));
  let offset = 0;
  entries.forEach((entry, i) => {
    offset = encodeRecord(page, offset, lengths[i] ?? 0, entry, contexts[i] ?? Buffer.alloc(0));
  });
  return page;
}

function encodeRecord(page: Buffer, start: number, length: number, entry: Entry, context: Buffer): number {
  page.writeUInt32LE(length, start);
  page[start + 8] = FORMAT;
  page[start + 9] = entry.indexes.length;
  page.writeUInt16LE(context.length, start + 10);
  page.writeDoubleLE(entry.context.receivedAt, start + 12);
  let at = start + HEADER;
  for (const [high, low] of entry.fingerprints) {
    page.writeUInt32LE(high, at);
    page.writeUInt32LE(low, at + 4);
    at += 8;
  }
  for (const index of entry.indexes) page[at++] = index;
  at += context.copy(page, at);
  entry.body.copy(page, at);
  page.writeUInt32LE(crc32(page.subarray(start + 8, start + length)), start + 4);
  return start + length;
}

/** The records of a page, in order. Stops where a length makes no sense: what follows cannot be found any more. */
export function recordsOf(page: Buffer): RecordSlice[] {
  const records: RecordSlice[] = [];
  let offset = 0;
  while (offset + HEADER <= page.length) {
    const length = page.readUInt32LE(offset);
    const count = page.readUInt8(offset + 9);
    if (length < HEADER + count * 9 || offset + length > page.length) break;
    records.push({ page, offset, length, count });
    offset += length;
  }
  return records;
}

/** The intact record whose context begins at a place in some bytes, if there is one. */
export function recordAt(bytes: Buffer, context: number): RecordSlice | undefined {
  // How many events it has is not known before its beginning is, and the other way round.
  for (let count = 1; count <= MOST_EVENTS; count++) {
    const offset = context - HEADER - count * 9;
    if (offset < 0) return undefined;
    if (bytes[offset + 9] !== count || bytes[offset + 8] !== FORMAT) continue;
    const length = bytes.readUInt32LE(offset);
    if (length <= context - offset || offset + length > bytes.length) continue;
    const record = { page: bytes, offset, length, count };
    if (isIntact(record)) return record;
  }
  return undefined;
}

export const receivedAt = ({ page, offset }: RecordSlice): number => page.readDoubleLE(offset + 12);

export function fingerprintAt({ page, offset }: RecordSlice, i: number): Fingerprint {
  const at = offset + HEADER + i * 8;
  return [page.readUInt32LE(at), page.readUInt32LE(at + 4)];
}

export interface Opened {
  readonly dialect: string;
  readonly context: Context;
  readonly indexes: readonly number[];
  readonly body: Buffer;
}

const isIntact = ({ page, offset, length }: Omit<RecordSlice, 'count'>): boolean =>
  crc32(page.subarray(offset + 8, offset + length)) === page.readUInt32LE(offset + 4);

/** Everything in a record, or undefined where its checksum or format is wrong. The body is a view into the page. */
export function openRecord({ page, offset, length, count }: RecordSlice): Opened | undefined {
  if (!isIntact({ page, offset, length }) || page[offset + 8] !== FORMAT) return undefined;
  const indexesAt = offset + HEADER + count * 8;
  const contextAt = indexesAt + count;
  const bodyAt = contextAt + page.readUInt16LE(offset + 10);
  const { dialect, ...context } = JSON.parse(page.toString('utf8', contextAt, bodyAt)) as Context & { dialect: string };
  return {
    dialect,
    context,
    indexes: [...page.subarray(indexesAt, contextAt)],
    body: page.subarray(bodyAt, offset + length),
  };
}
