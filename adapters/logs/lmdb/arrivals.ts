import { setImmediate as nextTurn } from 'node:timers/promises';
import { LRUCache } from 'lru-cache';
import type { Position } from '../log.ts';
import type { LmdbPages } from './pages.ts';

const REMEMBERED = 1000;

/** Times of receipt. A page may have a megabyte, so the last answer about an event is cached. */
export class LmdbArrivals {
  readonly #pages: Pick<LmdbPages, 'at' | 'from'>;
  readonly #known = new LRUCache<string, number>({ max: REMEMBERED });

  constructor(pages: Pick<LmdbPages, 'at' | 'from'>) {
    this.#pages = pages;
  }

  /** When the first event after a position was received, in milliseconds since 1970; undefined if there is none or it cannot be read. */
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
