import type { RootDatabase } from 'lmdb';
import { type Head, OLD } from '../head.ts';
import { Heads } from '../heads.ts';
import type { Position } from '../log.ts';
import { headAt, receivedAt } from '../record.ts';
import type { StoreOptions } from '../store.ts';
import type { Dedup, KnownIds } from './dedup.ts';
import type { LmdbHeads } from './heads.ts';
import type { LmdbPages } from './pages.ts';

/** Of a day each is 1.3 seconds. */
const TIME_SLICES = 65_536;
/** Heads made in one commit. */
const MADE_AT_ONCE = 20_000;

/** A shop whose ids are loaded. */
export interface Remembered {
  readonly name: string;
  readonly known: KnownIds;
  readonly committed: Position;
  /** The newest position whose id is hashed as in format 1. */
  oldUpTo: Position;
}

/** Loads the ids of a shop since a time, newest first. */
export function remember(heads: LmdbHeads, dedup: Dedup, shop: Remembered, since: number): void {
  const { name, known, committed } = shop;
  let first = committed + 1;
  for (const block of heads.backwards(name)) {
    const { at } = block;
    if (at < since) break;
    for (let position = block.last; position >= block.first; position--) {
      if (!block.has(position)) continue;
      if (isOld({ flags: block.flags(position) })) shop.oldUpTo = Math.max(shop.oldUpTo, position);
      known.ids.add(block.high(position), block.low(position), position);
      dedup.markBack(known, { at, position });
      first = position;
    }
  }
  known.ids.forget(first - 1);
}

/**
 * Makes heads for a log that was begun without them, for events that may still be repeated; reading everything would take minutes. Older events
 * are found in the pages.
 */
export async function makeHeads(
  root: RootDatabase,
  heads: LmdbHeads,
  pages: LmdbPages,
  shops: readonly string[],
  { now, dedupMs, dedupMax }: Pick<StoreOptions, 'now' | 'dedupMs' | 'dedupMax'>,
): Promise<void> {
  await heads.clear();
  for (const shop of shops) {
    let made: { first: Position; found: Heads; at: number }[] = [];
    let events = 0;
    const write = async (): Promise<void> => {
      await root.batch(() => {
        for (const { first, found, at } of made) heads.put(shop, first, [found], at);
      });
      [made, events] = [[], 0];
    };
    for (const { first, records } of pages.since(shop, now() - dedupMs, dedupMax)) {
      const found = records.flatMap((record) => Array.from({ length: record.count }, (_, i) => headAt(record, i)));
      const newest = records.at(-1);
      made.push({ first, found: Heads.of(found, []), at: newest ? receivedAt(newest) : 0 });
      events += found.length;
      if (events >= MADE_AT_ONCE) await write();
    }
    await write();
  }
}

/** The time since which about `most` events of these shops were received; `since` if there are fewer. */
export function timeOfNewest(
  heads: LmdbHeads,
  most: number,
  shops: readonly { readonly name: string; readonly committed: Position }[],
  { since, now }: { readonly since: number; readonly now: number },
): number {
  // Nearly always all of them fit, and nothing must be read to see that.
  const held = shops.reduce(
    (sum, { name, committed }) => sum + committed + 1 - (heads.oldest(name) ?? committed + 1),
    0,
  );
  if (held <= most) return since;
  const slices = new Float64Array(TIME_SLICES);
  const sliceMs = (now - since) / TIME_SLICES;
  for (const { name } of shops) {
    let left = most;
    for (const { at, count } of heads.backwards(name)) {
      if (at < since || left <= 0) break;
      const slice = Math.min(TIME_SLICES - 1, Math.floor((at - since) / sliceMs));
      slices[slice] = (slices[slice] ?? 0) + count;
      left -= count;
    }
  }
  let left = most;
  const full = slices.findLastIndex((count) => {
    left -= count;
    return left < 0;
  });
  return full < 0 ? since : since + full * sliceMs;
}

export const isOld = ({ flags }: Pick<Head, 'flags'>): boolean => (flags & OLD) !== 0;
