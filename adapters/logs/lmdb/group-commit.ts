import { LogUnavailable } from '../log.ts';
import type { LmdbLogParts } from './parts.ts';
import { byShop, firstOf, paged, type ShopLog, type Waiting } from './shop.ts';

/** Two commits in flight: the second collects and copies while the first syncs. */
const COMMITS_IN_FLIGHT = 2;

export interface GroupCommitTools {
  readonly parts: LmdbLogParts;
  /** Called once for each shop of a commit, when it is durable. */
  readonly onCommitted: (shop: ShopLog) => void;
  readonly onFailure: (error: Error) => void;
}

/** Commits many records at once: while commits run, new records gather for the next. */
export class GroupCommit {
  readonly #tools: GroupCommitTools;
  #group: Waiting[] = [];
  #committing: Waiting[][] = [];
  #waitingBytes = 0;
  #flushScheduled = false;
  #isFailed = false;

  constructor(tools: GroupCommitTools) {
    this.#tools = tools;
  }

  /** Bytes of all records that wait for a commit, or for the end of theirs. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** Adds the record to the next commit. */
  add(waiting: Waiting): void {
    this.#group.push(waiting);
    this.#waitingBytes += waiting.record.body.length;
    this.#scheduleFlush();
  }

  /** Rejects all waiting records. Nothing is written any more. */
  fail(error: Error): void {
    this.#isFailed = true;
    const unavailable = new LogUnavailable('the commit failed', { cause: error });
    for (const { reject } of [...this.#committing.flat(), ...this.#group]) reject(unavailable);
    this.#committing = [];
    this.#group = [];
  }

  /** Resolves after the last commit. */
  async drained(): Promise<void> {
    while (this.#group.length + this.#committing.length > 0 && !this.#isFailed) {
      this.#flush();
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  #scheduleFlush(): void {
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    // First let requests that were already read be admitted: they share the commit.
    setImmediate(() => {
      this.#flushScheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#group.length === 0 || this.#committing.length >= COMMITS_IN_FLIGHT || this.#isFailed) return;
    const group = this.#group;
    this.#group = [];
    this.#committing.push(group);
    this.#write(group).then(
      () => this.#committed(group),
      (error: unknown) => this.#tools.onFailure(error instanceof Error ? error : new Error(String(error))),
    );
  }

  async #write(group: readonly Waiting[]): Promise<void> {
    const { chain, pages, state } = this.#tools.parts;
    const written = chain(() => {
      for (const [shop, waiting] of byShop(group)) {
        for (const page of paged(waiting)) {
          const entries = page.flatMap(({ entry }) => entry ?? []);
          if (entries.length > 0) pages.put(shop.name, firstOf(page), entries);
        }
        for (const { record } of waiting) {
          if (record.refused.length > 0) state.quarantine.put(record);
          if (record.released)
            state.quarantine.remove(
              shop.name,
              record.released.map(({ id }) => id),
            );
        }
        state.putTally(shop.name, shop.tally);
      }
    });
    if (!(await written)) throw new Error('the commit before it is not in the file');
  }

  #committed(group: readonly Waiting[]): void {
    this.#committing = this.#committing.filter((other) => other !== group);
    const touched = new Set<ShopLog>();
    for (const { shop, record, first, entry, verdicts, resolve } of group) {
      const last = first + (entry?.heads.count ?? 0) - 1;
      for (const { id } of record.released ?? []) shop.releasing.delete(id);
      shop.committed = Math.max(shop.committed, last);
      this.#waitingBytes -= record.body.length;
      touched.add(shop);
      resolve(verdicts);
    }
    for (const shop of touched) {
      shop.pending.settle(shop.committed);
      this.#tools.onCommitted(shop);
    }
    this.#flush();
  }
}
