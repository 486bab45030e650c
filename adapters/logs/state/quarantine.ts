import type { Context } from '../../dialects/dialect.ts';
import type { Page } from './shared.ts';

/** An event refused at ingest, kept as it came. */
export interface Quarantined {
  /** A whole number, higher than those of all that came before to its shop; never used again. */
  readonly id: string;
  readonly shop: string;
  readonly at: number;
  readonly dialect: string;
  readonly code: string;
  readonly reasons: readonly string[];
  readonly index?: number | undefined;
  readonly eventId?: string | undefined;
  readonly name?: string | undefined;
  readonly raw: string;
  /** What enrichment found then, for the day it is read again. */
  readonly context: Context;
}

/** A quarantined event without its body, for lists and searches. Long ids, names and reasons are cut, and of many reasons the first are given. */
export interface QuarantinedHead extends Omit<Quarantined, 'raw' | 'context'> {
  /** Size of its body. */
  readonly bytes: number;
  /** The first 200 characters of its body. */
  readonly beginning: string;
}

/** What a shop's quarantine holds, and what its limits have let go since the log began. */
export interface QuarantineSums {
  readonly kept: number;
  /** Of all bodies together. */
  readonly bytes: number;
  /** By limit: count, bytes, age. */
  readonly dropped: Readonly<Record<QuarantineLimit, number>>;
}

export type QuarantineLimit = 'count' | 'bytes' | 'age';

/** Events refused at ingest, by shop, until they are let in after all or let go. */
export interface Quarantine {
  /** From the oldest kept: at least one, up to `limit`, or up to the one with which they have READ_BYTES. Only the last page is empty. */
  page(shop: string, page: Page): Promise<Quarantined[]>;
  /** The same without bodies, which are not read for it. */
  heads(shop: string, page: Page): Promise<QuarantinedHead[]>;
  at(shop: string, id: string): Promise<Quarantined | undefined>;
  /** Those with an event's id, from the oldest kept. Found by an index. */
  about(shop: string, eventId: string, page: Page): Promise<QuarantinedHead[]>;
  /** Of each of some shops, in their order. */
  sums(shops: readonly string[]): Promise<QuarantineSums[]>;
  /** Gives how many of them were there. */
  discard(shop: string, ids: readonly string[]): Promise<number>;
  /** Lets go of the oldest past the limits of the store; at most 1,000 a call and shop. */
  limit(shops: readonly string[]): Promise<void>;
}
