import type { Draft } from '../../dialects/dialect.ts';
import { onAbort } from '../../on-abort.ts';
import { type Head, REUSED } from '../head.ts';
import { Heads } from '../heads.ts';
import { type Hasher, hashOfFingerprint } from '../id-hash.ts';
import type { Fingerprint } from '../ids.ts';
import type { LogRecord, Position, Tally, Verdict } from '../log.ts';
import type { Entry } from '../record.ts';
import type { KnownIds } from './dedup.ts';
import type { Pending } from './pending.ts';
import { isOld, type Remembered } from './remember.ts';

const PAGE_BYTES = 1024 * 1024;

/** What the log knows of a shop without reading. */
export interface ShopLog extends Remembered {
  readonly name: string;
  readonly known: KnownIds;
  /** The last position given out, and the last that is durable. */
  given: Position;
  committed: Position;
  /** The heads between the two. */
  readonly pending: Pending;
  /** Quarantined events that are being released. */
  readonly releasing: Set<string>;
  tally: Tally;
  readonly readers: Set<() => void>;
}

/** The events of a record, which are to be stored unless they are already. */
export interface Arrivals {
  readonly heads: Heads;
  /** Their ids as format 1 has them, where the log knows ids of that form. */
  readonly olds?: (Fingerprint | undefined)[] | undefined;
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

/** How a log makes arrivals of drafts. `old`: as in format 1, if the log was begun in it. */
export interface Hashing {
  readonly hasher: Hasher;
  readonly old?: ((id: string) => Fingerprint) | undefined;
}

export const arrivalsOf = (drafts: readonly Draft[], { hasher, old }: Hashing): Arrivals => ({
  heads: Heads.from(drafts, hasher),
  olds: old && drafts.map(({ id }) => old(id)),
});

/** Gives an event another id, because its own belongs to another event. */
export function rename({ heads, olds }: Arrivals, i: number, draft: Draft, hasher: Hasher): void {
  heads.replace(i, draft, hasher, REUSED);
  if (olds) olds[i] = undefined;
}

/** The newest position with an arrival's id, as `isIt` confirms for candidates; 0 if there is none. */
export function positionOf(
  { known: { ids } }: ShopLog,
  { heads, olds }: Arrivals,
  i: number,
  isIt: (at: Position) => boolean,
): Position {
  const at = ids.find(heads.high(i), heads.low(i), isIt);
  const old = at === 0 ? olds?.[i] : undefined;
  return old ? ids.find(old[0], old[1], isIt) : at;
}

/** Whether a stored event has the id of an arrival. */
export function hasIdOf(stored: Head, { heads, olds }: Arrivals, i: number): boolean {
  if (!isOld(stored)) return stored.hash === heads.at(i).hash;
  const old = olds?.[i];
  return old !== undefined && stored.hash === hashOfFingerprint(old);
}

/** The arrivals that seem to be stored between two positions, by the table of ids. */
export function seeming(
  shop: ShopLog,
  arrivals: Arrivals,
  from: Position,
  upTo: Position,
): { readonly arrival: number; readonly position: Position }[] {
  const found: { arrival: number; position: Position }[] = [];
  let arrival = 0;
  // One closure for all: nearly every event passes here without a hit.
  const note = (position: Position): boolean => {
    if (position > from && position <= upTo) found.push({ arrival, position });
    return false;
  };
  for (; arrival < arrivals.heads.count; arrival++) positionOf(shop, arrivals, arrival, note);
  return found;
}

/** Splits what a shop gets in one commit into pages of about PAGE_BYTES. */
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
