import type { PageOf } from '../../schemas/admin-api/common.ts';
import type { PageRequest } from './operations.ts';

/** A page ends at about this many bytes of JSON, which take some ten milliseconds to make and send. */
export const PAGE_BYTES = 1024 * 1024;

/** The first items, up to the limit or to about a megabyte. `next` is set if there are more. */
export async function pageOf<T>(
  items: AsyncIterable<{ readonly key: string; readonly item: T }>,
  { limit, bytes = PAGE_BYTES }: PageRequest,
): Promise<PageOf<T>> {
  const page: T[] = [];
  let next: string | undefined;
  let taken = 0;
  for await (const { key, item } of items) {
    if (page.length >= limit || taken >= bytes) return { items: page, ...(next !== undefined && { next }) };
    page.push(item);
    next = key;
    taken += Buffer.byteLength(JSON.stringify(item));
  }
  return { items: page };
}

/** The items alone, without the keys of their pages. */
export async function* itemsOf<T>(all: AsyncIterable<{ readonly item: T }>): AsyncGenerator<T> {
  for await (const { item } of all) yield item;
}
