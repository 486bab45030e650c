import { LRUCache } from 'lru-cache';
import { type Position, READ_BYTES, type Stored, UnreadableEvents } from '../log.ts';
import { Page } from '../page.ts';
import type { StoreOptions } from '../store.ts';
import type { Ask } from './database.ts';
import { SCHEMA } from './schema.ts';

/** Most events that one commit adds to one shop. */
export const COMMIT_EVENTS = 5000;
const READ_AT_ONCE_BYTES = 1024 * 1024;
const CACHED_BYTES = 6 * 1024 * 1024;
const CACHED_RUNS = 200;

/** Consecutive pages of one shop's log, read together. */
interface Run {
  readonly shop: string;
  readonly pages: readonly Page[];
  readonly first: Position;
  readonly last: Position;
  readonly bytes: number;
}

// The size of a page is known without reading it, so pages above the limit cost nothing.
const FETCH = `
select first, last, kept, page from (
  select p.first, p.last, p.kept, p.page, sum(octet_length(p.page)) over (order by p.first) - octet_length(p.page) as before
  from (
    select p.* from ${SCHEMA}.pages p join ${SCHEMA}.shops s on s.id = p.shop
    where s.name = $1 and p.last >= $2 and p.first > $2 - ${COMMIT_EVENTS} order by p.first limit 256
  ) p
) sized where before < ${READ_AT_ONCE_BYTES} order by first`;

/** Reads pages and caches the latest, so that pipelines of one shop at the same position share the work. */
export class PostgresPages {
  readonly #ask: Ask;
  readonly #options: StoreOptions;
  readonly #runs = new LRUCache<string, Run>({
    max: CACHED_RUNS,
    maxSize: CACHED_BYTES,
    sizeCalculation: ({ bytes }) => Math.max(1, bytes),
  });
  readonly #underWay = new Map<string, Promise<Run | undefined>>();

  constructor(ask: Ask, options: StoreOptions) {
    this.#ask = ask;
    this.#options = options;
  }

  /**
   * Events after a position: at most `limit`, up to and including the one that reaches READ_BYTES. Throws UnreadableEvents if the first cannot
   * be read.
   */
  async collect(shop: string, after: Position, limit: number): Promise<Stored[]> {
    const found: Stored[] = [];
    let bytes = 0;
    for (let next = after + 1; ; ) {
      const run = this.#cached(shop, next) ?? (await this.#fetch(shop, next));
      if (run === undefined) return found;
      for (const page of run.pages) {
        try {
          for (const stored of page.events(next, page.last)) {
            found.push(stored);
            bytes += stored.bytes;
            if (found.length >= limit || bytes >= READ_BYTES) return found;
          }
        } catch (error) {
          if (error instanceof UnreadableEvents && found.length > 0) return found;
          throw error;
        }
      }
      next = run.last + 1;
    }
  }

  /** The last position received before a time. */
  async before(shop: string, time: number): Promise<Position> {
    const [row] = await this.#ask(
      `select p.first from ${SCHEMA}.pages p join ${SCHEMA}.shops s on s.id = p.shop where s.name = $1 and p.at >= $2 order by p.first limit 1`,
      [shop, time],
    );
    if (row === undefined) {
      const [last] = await this.#ask(`select newest from ${SCHEMA}.shops where name = $1`, [shop]);
      return Number(last?.newest ?? 0);
    }
    const first = Number(row.first);
    const run = this.#cached(shop, first) ?? (await this.#fetch(shop, first));
    const page = run?.pages.find((one) => one.first === first);
    return (page?.firstSince(time) ?? first) - 1;
  }

  /** Empties the cache: some of it is not on the log any more. */
  forget(): void {
    this.#runs.clear();
  }

  #cached(shop: string, position: Position): Run | undefined {
    for (const [key, run] of this.#runs.entries()) {
      if (run.shop === shop && run.first <= position && run.last >= position) return this.#runs.get(key);
    }
    return undefined;
  }

  /** The pages from a position on. Simultaneous callers share one query. An empty answer may be older than the question, so it is asked again. */
  async #fetch(shop: string, position: Position): Promise<Run | undefined> {
    const key = `${shop}/${position}`;
    return (await this.#underWay.get(key)) ?? this.#underWay.get(key) ?? this.#look(key, shop, position);
  }

  #look(key: string, shop: string, position: Position): Promise<Run | undefined> {
    const looking = this.#read(shop, position).finally(() => this.#underWay.delete(key));
    this.#underWay.set(key, looking);
    return looking;
  }

  async #read(shop: string, position: Position): Promise<Run | undefined> {
    const rows = await this.#ask(FETCH, [shop, position], 'pages_1');
    const pages = rows.map(
      ({ first, last, kept, page }) =>
        new Page(
          {
            shop,
            first: Number(first),
            events: Number(last) - Number(first) + 1,
            bytes: page as Buffer,
            kept: (kept as number[] | null) ?? undefined,
          },
          this.#options,
        ),
    );
    const [first, last] = [pages[0], pages.at(-1)];
    if (first === undefined || last === undefined) return undefined;
    const bytes = pages.reduce((sum, page) => sum + page.bytes, 0);
    const run = { shop, pages, first: first.first, last: last.last, bytes };
    this.#runs.set(`${shop}/${run.first}`, run);
    return run;
  }
}
