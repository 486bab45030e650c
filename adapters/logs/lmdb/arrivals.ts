import { setImmediate as nextTurn } from 'node:timers/promises';
import { LRUCache } from 'lru-cache';
import type { Position } from '../log.ts';
import type { LmdbPages } from './pages.ts';

const REMEMBERED = 1000;

/** When events were received. A page may have a megabyte, so the answer about an event is kept for the next question about it. */
export class LmdbArrivals {
  readonly #pages: Pick<LmdbPages, 'at' | 'from'>;
  readonly #known = new LRUCache<string, number>({ max: REMEMBERED });

  constructor(pages: Pick<LmdbPages, 'at' | 'from'>) {
    this.#pages = pages;
  }

  /** When the first event after a position was received, in milliseconds since 1970; undefined where none is kept, or it cannot be read. */
  async first(shop: string, after: Position): Promise<number | undefined> {
    const key = `${shop}/${after}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const page = this.#pages.at(shop, after + 1) ?? this.#pages.from(shop, after + 1);
    const at = page?.receivedAt(Math.max(after + 1, page.first));
    if (at !== undefined) this.#known.set(key, at);
    await nextTurn();
    return at;
  }
}
