import type { Draft } from '../../dialects/dialect.ts';
import { onAbort } from '../../on-abort.ts';
import { type Head, headOf, REUSED } from '../head.ts';
import { fingerprintOf, type Hasher, hashOfFingerprint } from '../id-hash.ts';
import type { Fingerprint } from '../ids.ts';
import type { LogRecord, Position, Tally, Verdict } from '../log.ts';
import type { Entry } from '../record.ts';
import type { KnownIds } from './dedup.ts';
import { isOld, type Remembered } from './remember.ts';

const PAGE_BYTES = 1024 * 1024;

/** What the log knows of one shop without reading. */
export interface ShopLog extends Remembered {
  readonly name: string;
  readonly known: KnownIds;
  /** The last position given out, and the last that is durable. */
  given: Position;
  committed: Position;
  /** The heads at the positions between the two. */
  readonly pending: Map<Position, Head>;
  /** Quarantined events that are being brought back. */
  readonly releasing: Set<string>;
  tally: Tally;
  readonly readers: Set<() => void>;
}

/** An event that is to be stored, unless it is already. */
export interface Arrival {
  readonly index: number;
  readonly head: Head;
  readonly fingerprint: Fingerprint;
  /** Its id as format 1 has it, where the log knows ids of that form. */
  readonly old?: { readonly hash: string; readonly fingerprint: Fingerprint } | undefined;
}

/** A record on its way to the disk. `first` is the position of its first new event. */
export interface Waiting {
  readonly shop: ShopLog;
  readonly record: LogRecord;
  readonly first: Position;
  readonly entry: Entry | undefined;
  readonly verdicts: Verdict[];
  readonly resolve: (verdicts: Verdict[]) => void;
  readonly reject: (error: Error) => void;
}

/** How a log makes arrivals of drafts. `old`: as in format 1, where the log was begun in it. */
export interface Hashing {
  readonly hasher: Hasher;
  readonly old?: ((id: string) => Fingerprint) | undefined;
}

export function arrivalOf(draft: Draft, { hasher, old }: Hashing): Arrival {
  const head = headOf(draft, hasher);
  const fingerprint = old?.(draft.id);
  return {
    index: draft.index,
    head,
    fingerprint: fingerprintOf(head.hash),
    old: fingerprint && { fingerprint, hash: hashOfFingerprint(fingerprint) },
  };
}

/** An event under the id that it got because its own belongs to another. */
export function arrivalOfReused(draft: Draft, { hasher }: Hashing): Arrival {
  const head = headOf(draft, hasher, REUSED);
  return { index: draft.index, head, fingerprint: fingerprintOf(head.hash) };
}

/** The newest position at which an arrival's id is, by what `isIt` says of those where it may be; 0 where there is none. */
export function positionOf(
  { known }: ShopLog,
  { fingerprint, old }: Arrival,
  isIt: (at: Position) => boolean,
): Position {
  return known.ids.find(fingerprint, isIt) || (old ? known.ids.find(old.fingerprint, isIt) : 0);
}

/** Whether a stored event has the id of an arrival. */
export const hasIdOf = (stored: Head, { head, old }: Arrival): boolean =>
  isOld(stored) ? stored.hash === old?.hash : stored.hash === head.hash;

/** The position of the event that has the id of an arrival, by the heads at positions; 0 where there is none. */
export const knownAt = (shop: ShopLog, arrival: Arrival, headAt: (position: Position) => Head | undefined): Position =>
  positionOf(shop, arrival, (position) => {
    const head = headAt(position);
    return head !== undefined && hasIdOf(head, arrival);
  });

/** The arrivals that seem to be on the disk, after a position and up to another, by what is remembered of all ids. */
export function seeming(
  shop: ShopLog,
  arrivals: readonly Arrival[],
  from: Position,
  upTo: Position,
): { readonly arrival: Arrival; readonly position: Position }[] {
  const found: { arrival: Arrival; position: Position }[] = [];
  let arrival: Arrival | undefined;
  // One for all of them, since nearly every event comes by here for nothing.
  const note = (position: Position): boolean => {
    if (arrival && position > from && position <= upTo) found.push({ arrival, position });
    return false;
  };
  for (arrival of arrivals) positionOf(shop, arrival, note);
  return found;
}

/** Splits what one shop gets in one commit into pages of about PAGE_BYTES. */
export function* paged(waiting: readonly Waiting[]): Generator<Waiting[]> {
  let page: Waiting[] = [];
  let bytes = 0;
  for (const one of waiting) {
    if (bytes > 0 && bytes + one.record.body.length > PAGE_BYTES) {
      yield page;
      page = [];
      bytes = 0;
    }
    page.push(one);
    bytes += one.record.body.length;
  }
  yield page;
}

export const firstOf = (page: readonly Waiting[]): Position => page.find(({ entry }) => entry)?.first ?? 0;

export function byShop(group: readonly Waiting[]): Map<ShopLog, Waiting[]> {
  const shops = new Map<ShopLog, Waiting[]>();
  for (const one of group) {
    const same = shops.get(one.shop);
    if (same) same.push(one);
    else shops.set(one.shop, [one]);
  }
  return shops;
}

/** Resolves when a shop's log has grown, or the signal aborts. */
export function changed(shop: ShopLog, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      shop.readers.delete(done);
      ignore();
      resolve();
    };
    shop.readers.add(done);
    const ignore = onAbort(signal, done);
  });
}

export function wake(shop: ShopLog): void {
  for (const reader of [...shop.readers]) reader();
}
