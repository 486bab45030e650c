import type { Draft } from '../dialects/dialect.ts';
import { type Kind, UNKNOWN_KIND } from '../dialects/kind.ts';
import type { Hasher, IdHash, OrderHash } from './id-hash.ts';

/** What a log keeps of an event besides its bytes, so that a repeat is recognised without reading them. */
export interface Head {
  /** 64 bits if the event was stored in format 1. */
  readonly hash: IdHash;
  readonly kind: Kind;
  readonly flags: number;
  /** Set for purchases that name their order. */
  readonly order?: OrderHash | undefined;
}

/** The id belonged to another event; this one has an id made from it. */
export const REUSED = 1;
/** The content was erased on request. */
export const ERASED = 2;
export const HAS_ORDER = 4;
/** Stored in format 1: the hash has 64 bits and is made differently. Never written to a record. */
export const OLD = 8;
const DERIVED_SHIFT = 4;

/** Hash, kind and flags, one after the other. */
export const HEAD_BYTES = 21;
export const ORDER_BYTES = 8;
const HASH_BYTES = 16;
const OLD_HASH_BYTES = 8;

/** `more`: flags beside those that the draft says. */
export function headOf(draft: Draft, { id: hashOf, order: hashOfOrder }: Hasher, more = 0): Head {
  const { id, kind = UNKNOWN_KIND, order } = draft;
  return {
    hash: hashOf(id),
    kind,
    flags: flagsOf(draft, more),
    ...(order !== undefined && { order: hashOfOrder(order) }),
  };
}

/** `more`: flags beside those that the draft says. */
export const flagsOf = ({ derived = 0, order }: Draft, more = 0): number =>
  more | (derived << DERIVED_SHIFT) | (order === undefined ? 0 : HAS_ORDER);

/** The version of `derivedId` that made the id; 0 if the client sent it. At most 15. */
export const derivationOf = ({ flags }: Pick<Head, 'flags'>): number => flags >>> DERIVED_SHIFT;

/** Writes everything except the order, which is kept elsewhere. Returns the end offset. */
export function writeHead(bytes: Buffer, at: number, { hash, kind, flags }: Head): number {
  bytes.fill(0, at + hash.length, at + HASH_BYTES);
  bytes.write(hash, at, HASH_BYTES, 'latin1');
  bytes.writeUInt32LE(kind, at + HASH_BYTES);
  bytes[at + HASH_BYTES + 4] = flags;
  return at + HEAD_BYTES;
}

export function readHead(bytes: Buffer, at: number): Head {
  const flags = flagsAt(bytes, at);
  const end = at + ((flags & OLD) === 0 ? HASH_BYTES : OLD_HASH_BYTES);
  return { hash: bytes.toString('latin1', at, end), kind: bytes.readUInt32LE(at + HASH_BYTES), flags };
}

export const flagsAt = (bytes: Buffer, at: number): number => bytes[at + HASH_BYTES + 4] ?? 0;
