import { crc32 } from 'node:zlib';
import type { Context } from '../dialects/dialect.ts';
import { derivationOf, flagsAt, HAS_ORDER, HEAD_BYTES, type Head, OLD, ORDER_BYTES, REUSED, readHead } from './head.ts';
import type { Heads } from './heads.ts';
import { hashOfFingerprint } from './id-hash.ts';
import type { Reused } from './reused.ts';

// A page is what one commit appended to one shop: records one after the other. A record is one request:
//
//   0  u32  length of the record, this field included
//   4  u32  CRC-32 of everything after this field
//   8  u8   format (2)
//   9  u8   number of events, n (a body holds 100 at most)
//  10  u16  length of the context, c
//  12  f64  time of receipt, milliseconds since 1970
//  20  n x 22       of each event 128 bits of a keyed hash of its id, 32 bits of its kind, 8 flags, and its place in the body
//      m x 8        64 bits of a keyed hash of the order, of each event whose flags say that it has one
//      c bytes      dialect and context, JSON
//      rest         the request's own bytes
//
// Format 1 has instead of the heads and orders 64 bits of another hash of each id (n x 2 x u32), and then the n places.
export type RecordFormat = 1 | 2;
const NEWEST: RecordFormat = 2;
const MOST_EVENTS = 100;
const HEADER = 20;
const OLD_HASH_BYTES = 8;
const EVENT_BYTES: Readonly<Record<RecordFormat, number>> = { 1: OLD_HASH_BYTES + 1, 2: HEAD_BYTES + 1 };

export interface Entry {
  readonly dialect: string;
  readonly context: Context;
  readonly body: Buffer;
  /** Of its events that are stored. */
  readonly heads: Heads;
}

/** A record in a page: read lazily, since most readers want one field of many records. */
export interface RecordSlice {
  readonly page: Buffer;
  readonly offset: number;
  readonly length: number;
  readonly count: number;
}

/** `format`: 1 if other readers of this log know no other. */
export function encodePage(entries: readonly Entry[], format: RecordFormat = NEWEST): Buffer {
  const contexts = entries.map((entry) => JSON.stringify({ dialect: entry.dialect, ...entry.context }));
  const lengths = entries.map(
    ({ heads, body }, i) =>
      HEADER +
      (format === 1 ? heads.count * EVENT_BYTES[1] : heads.length) +
      Buffer.byteLength(contexts[i] ?? '') +
      body.length,
  );
  const page = Buffer.allocUnsafeSlow(lengths.reduce((sum, length) => sum + length, 0));
  let offset = 0;
  entries.forEach((entry, i) => {
    offset = encodeRecord(page, offset, lengths[i] ?? 0, entry, contexts[i] ?? '', format);
  });
  return page;
}

function encodeRecord(
  page: Buffer,
  start: number,
  length: number,
  { heads, body, context: { receivedAt } }: Entry,
  context: string,
  format: RecordFormat,
): number {
  const end = start + length;
  page.writeUInt32LE(length, start);
  page[start + 8] = format;
  page[start + 9] = heads.count;
  page.writeDoubleLE(receivedAt, start + 12);
  const at = format === 1 ? writeOldHeads(page, start + HEADER, heads) : heads.write(page, start + HEADER);
  page.writeUInt16LE(page.write(context, at), start + 10);
  body.copy(page, end - body.length);
  page.writeUInt32LE(crc32(page.subarray(start + 8, end)), start + 4);
  return end;
}

function writeOldHeads(page: Buffer, start: number, heads: Heads): number {
  let at = start;
  for (let i = 0; i < heads.count; i++) {
    page.writeUInt32LE(heads.high(i), at);
    page.writeUInt32LE(heads.low(i), at + 4);
    at += OLD_HASH_BYTES;
  }
  for (let i = 0; i < heads.count; i++) page[at++] = heads.placeOf(i);
  return at;
}

/** The records of a page, in order. Stops where a length makes no sense: what follows cannot be found any more. */
export function recordsOf(page: Buffer): RecordSlice[] {
  const records: RecordSlice[] = [];
  let offset = 0;
  while (offset + HEADER <= page.length) {
    const length = page.readUInt32LE(offset);
    const count = page.readUInt8(offset + 9);
    if (length < HEADER + count * EVENT_BYTES[formatOf({ page, offset })] || offset + length > page.length) break;
    records.push({ page, offset, length, count });
    offset += length;
  }
  return records;
}

/** The intact record whose context begins at this offset, if there is one. */
export function recordAt(bytes: Buffer, context: number): RecordSlice | undefined {
  // The number of events (and of those with orders) determines where the record begins, and the record says it: so try each number.
  for (let count = 1; count <= MOST_EVENTS; count++) {
    const old = recordBefore(bytes, context, count, 1, 0);
    if (old) return old;
    for (let orders = 0; orders <= count; orders++) {
      const record = recordBefore(bytes, context, count, NEWEST, orders);
      if (record) return record;
    }
  }
  return undefined;
}

function recordBefore(
  bytes: Buffer,
  context: number,
  count: number,
  format: RecordFormat,
  orders: number,
): RecordSlice | undefined {
  const offset = context - HEADER - count * EVENT_BYTES[format] - orders * ORDER_BYTES;
  if (offset < 0 || bytes[offset + 9] !== count || bytes[offset + 8] !== format) return undefined;
  const length = bytes.readUInt32LE(offset);
  if (length <= context - offset || offset + length > bytes.length) return undefined;
  const record = { page: bytes, offset, length, count };
  return contextAt(record) === context && isIntact(record) ? record : undefined;
}

export const receivedAt = ({ page, offset }: RecordSlice): number => page.readDoubleLE(offset + 12);

/** The head of an event in a record. */
export function headAt(record: RecordSlice, i: number): Head {
  const { page, offset } = record;
  if (formatOf(record) === 1) {
    const at = offset + HEADER + i * OLD_HASH_BYTES;
    return { hash: hashOfFingerprint([page.readUInt32LE(at), page.readUInt32LE(at + 4)]), kind: 0, flags: OLD };
  }
  const at = offset + HEADER + i * EVENT_BYTES[NEWEST];
  const head = readHead(page, at);
  if ((head.flags & HAS_ORDER) === 0) return head;
  const orderAt = ordersAt(record) + ordersBefore(record, i) * ORDER_BYTES;
  return { ...head, order: page.toString('latin1', orderAt, orderAt + ORDER_BYTES) };
}

export interface Opened {
  readonly dialect: string;
  readonly context: Context;
  readonly indexes: readonly number[];
  /** The version that made the id of each event; 0 if the client sent it. */
  readonly derivations: readonly number[];
  /** Its events whose ids belonged to others. */
  readonly reused: readonly Reused[];
  readonly body: Buffer;
}

const formatOf = ({ page, offset }: Pick<RecordSlice, 'page' | 'offset'>): RecordFormat =>
  page[offset + 8] === 1 ? 1 : NEWEST;

const ordersAt = ({ offset, count }: RecordSlice): number => offset + HEADER + count * EVENT_BYTES[NEWEST];

/** The number of orders among the first `places` events of a record. */
function ordersBefore({ page, offset }: RecordSlice, places: number): number {
  let orders = 0;
  for (let i = 0; i < places; i++)
    if ((flagsAt(page, offset + HEADER + i * EVENT_BYTES[NEWEST]) & HAS_ORDER) !== 0) orders += 1;
  return orders;
}

function contextAt(record: RecordSlice): number {
  const { offset, count } = record;
  if (formatOf(record) === 1) return offset + HEADER + count * EVENT_BYTES[1];
  return ordersAt(record) + ordersBefore(record, count) * ORDER_BYTES;
}

const isIntact = ({ page, offset, length }: Omit<RecordSlice, 'count'>): boolean =>
  crc32(page.subarray(offset + 8, offset + length)) === page.readUInt32LE(offset + 4);

/** Everything in a record; undefined if its checksum or format is wrong. The body is a view into the page. */
export function openRecord(record: RecordSlice): Opened | undefined {
  const { page, offset, length, count } = record;
  const format = page[offset + 8];
  if ((format !== 1 && format !== NEWEST) || !isIntact(record)) return undefined;
  const from = contextAt(record);
  const bodyAt = from + page.readUInt16LE(offset + 10);
  const { dialect, ...context } = JSON.parse(page.toString('utf8', from, bodyAt)) as Context & { dialect: string };
  const first = offset + HEADER;
  const indexes: number[] = [];
  const derivations: number[] = [];
  const reused: Reused[] = [];
  for (let i = 0; i < count; i++) {
    const index =
      page[format === 1 ? first + count * OLD_HASH_BYTES + i : first + (i + 1) * EVENT_BYTES[NEWEST] - 1] ?? 0;
    // Format 1 has no flags: version 1 made all of its ids.
    const flags = format === 1 ? 0 : flagsAt(page, first + i * EVENT_BYTES[NEWEST]);
    const derivation = derivationOf({ flags });
    indexes.push(index);
    // A reused id was the client's own.
    derivations.push((flags & REUSED) === 0 ? derivation : 0);
    if ((flags & REUSED) !== 0) reused.push({ index, derivation });
  }
  return { dialect, context, indexes, derivations, reused, body: page.subarray(bodyAt, offset + length) };
}
