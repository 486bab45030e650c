import type { PageOf } from '../../schemas/admin-api/common.ts';
import type { PageRequest } from './operations.ts';

/** With how many bytes of JSON a page ends: so much is made and sent within some ten milliseconds. */
export const PAGE_BYTES = 1024 * 1024;

/** The first items up to the limit, or up to the one with which they have a megabyte; `next` where there are more. */
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
