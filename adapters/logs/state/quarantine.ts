import type { Context } from '../../dialects/dialect.ts';
import type { Page } from './shared.ts';

/** An event refused at ingest, kept as it came. */
export interface Quarantined {
  /** A whole number, higher than all before it in its shop; never used again. */
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
  /** What enrichment found then, for reading it again later. */
  readonly context: Context;
}

/**
 * A quarantined event without its body, for lists and searches. Long ids, names and reasons are cut, and only the first of many reasons are
 * given.
 */
export interface QuarantinedHead extends Omit<Quarantined, 'raw' | 'context'> {
  /** Size of its body. */
  readonly bytes: number;
  /** The first 200 characters of its body. */
  readonly beginning: string;
}

/** The sums of a shop's quarantine, and what its limits have removed since the log began. */
export interface QuarantineSums {
  readonly kept: number;
  /** Of all bodies together. */
  readonly bytes: number;
  /** By limit: count, bytes, age. */
  readonly dropped: Readonly<Record<QuarantineLimit, number>>;
}

export type QuarantineLimit = 'count' | 'bytes' | 'age';

/** Events refused at ingest, by shop, until they are accepted in the end or removed. */
export interface Quarantine {
  /** Oldest first: at least one, up to `limit`, up to and including the one that reaches READ_BYTES. Only the last page is empty. */
  page(shop: string, page: Page): Promise<Quarantined[]>;
  /** The same without bodies; these are not read. */
  heads(shop: string, page: Page): Promise<QuarantinedHead[]>;
  at(shop: string, id: string): Promise<Quarantined | undefined>;
  /** Those with this event id, oldest first. Uses an index. */
  about(shop: string, eventId: string, page: Page): Promise<QuarantinedHead[]>;
  /** The sums of each shop, in the given order. */
  sums(shops: readonly string[]): Promise<QuarantineSums[]>;
  /** Gives the number discarded. */
  discard(shop: string, ids: readonly string[]): Promise<number>;
  /** Removes the oldest above the limits; at most 1,000 per call and shop. */
  limit(shops: readonly string[]): Promise<void>;
}
