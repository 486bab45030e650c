import type { Ask } from './database.ts';
import { type DayTable, tableOf } from './days.ts';

/** Bytes of an event besides its content: its id and index entries. */
const EVENT_BYTES = 120;
const SIZE = `octet_length(page) + ${EVENT_BYTES} * (last - first + 1)`;
const MINUTE_MS = 60_000;
/** Table blocks (of 8 KB) that one statement scans. */
const PIECE_BLOCKS = 1000;

/** What must be removed from the table of a day: all of it, or everything before a time and part of the following minute. */
export interface Excess {
  readonly table: DayTable;
  /** Milliseconds since 1970, or Infinity. */
  readonly before: number;
  readonly keys: readonly { readonly shop: number; readonly first: number }[];
}

/** What must be removed, oldest first, if this many bytes may stay. Reads the sizes of pages piece by piece, but not the pages. */
export async function excessOf(ask: Ask, tables: readonly DayTable[], maxBytes: number): Promise<Excess[]> {
  const excess: Excess[] = [];
  let room = maxBytes;
  for (const table of tables.toReversed()) {
    if (room <= 0) {
      excess.unshift({ table, before: Number.POSITIVE_INFINITY, keys: [] });
      continue;
    }
    const minutes = [...(await bytesByMinute(ask, table))].sort(([a], [b]) => b - a);
    const full = minutes.find(([, bytes]) => {
      if (bytes > room) return true;
      room -= bytes;
      return false;
    });
    if (full === undefined) continue;
    const before = full[0] * MINUTE_MS;
    excess.unshift({ table, before, keys: await oldestOf(ask, table, before, room) });
    room = 0;
  }
  return excess;
}

async function bytesByMinute(ask: Ask, table: DayTable): Promise<Map<number, number>> {
  const all = new Map<number, number>();
  for await (const range of pieces(ask, table)) {
    const rows = await ask(
      `select floor(at / ${MINUTE_MS}) as minute, sum(${SIZE}) as bytes from ${tableOf(table)}
       where ctid >= $1::tid and ctid < $2::tid group by 1`,
      range,
    );
    for (const { minute, bytes } of rows) all.set(Number(minute), (all.get(Number(minute)) ?? 0) + Number(bytes));
  }
  return all;
}

/** The oldest pages of a minute, without the newest ones that fit. */
async function oldestOf(ask: Ask, table: DayTable, since: number, room: number): Promise<Excess['keys']> {
  const pages: { readonly shop: number; readonly first: number; readonly at: number; readonly bytes: number }[] = [];
  for await (const range of pieces(ask, table)) {
    const rows = await ask(
      `select shop, first, at, ${SIZE} as bytes from ${tableOf(table)}
       where ctid >= $1::tid and ctid < $2::tid and at >= $3 and at < $4`,
      [...range, since, since + MINUTE_MS],
    );
    for (const { shop, first, at, bytes } of rows)
      pages.push({ shop: Number(shop), first: Number(first), at: Number(at), bytes: Number(bytes) });
  }
  pages.sort((a, b) => b.at - a.at || a.shop - b.shop || b.first - a.first);
  let left = room;
  const fits = pages.findIndex(({ bytes }) => {
    left -= bytes;
    return left < 0;
  });
  return fits < 0 ? [] : pages.slice(fits);
}

/** The ranges of rows that make up a table. */
export async function* pieces(ask: Ask, table: DayTable): AsyncGenerator<[from: string, to: string]> {
  const [row] = await ask(
    `select pg_relation_size('${tableOf(table)}') / current_setting('block_size')::int as blocks`,
  );
  for (let block = 0; block < Number(row?.blocks); block += PIECE_BLOCKS)
    yield [`(${block},0)`, `(${block + PIECE_BLOCKS},0)`];
}
