import type { Database, RootDatabase } from 'lmdb';
import type { LogRecord, Position, Tally } from './log.ts';
import type { Cursor, DeadLetter, JournalLine, Page, PipelineId, Progress, Quarantined, State } from './state.ts';

const LAST = Number.MAX_SAFE_INTEGER;

/** The state beside the log, in the same LMDB environment, so that one commit covers both. */
export class LmdbState implements State {
  readonly #root: RootDatabase;
  readonly #cursors: Database<Progress, string[]>;
  readonly #journal: Database<JournalLine, (string | number)[]>;
  readonly #dead: Database<DeadLetter, (string | number)[]>;
  readonly #quarantine: Database<Quarantined, (string | number)[]>;
  readonly #tallies: Database<Tally, string>;
  readonly #quarantineMax: number;
  readonly #quarantineEnds = new Map<string, { first: number; last: number }>();
  readonly #head: (shop: string) => Position;

  constructor(root: RootDatabase, options: { quarantineMax: number; head: (shop: string) => Position }) {
    this.#root = root;
    this.#cursors = root.openDB({ name: 'cursors', encoding: 'json' });
    this.#journal = root.openDB({ name: 'journal', encoding: 'json' });
    this.#dead = root.openDB({ name: 'dead', encoding: 'json' });
    this.#quarantine = root.openDB({ name: 'quarantine', encoding: 'json' });
    this.#tallies = root.openDB({ name: 'tallies', encoding: 'json' });
    this.#quarantineMax = options.quarantineMax;
    this.#head = options.head;
  }

  async claim(id: PipelineId): Promise<Cursor> {
    let progress = await this.progress(id);
    if (progress === undefined) {
      const start = this.#head(id.shop);
      progress = { position: start, start, delivered: 0, dead: 0, filtered: {}, dropped: {} };
      await this.#cursors.put([id.shop, id.pipeline], progress);
    }
    return new LmdbCursor(progress, (next, journal, dead) => this.#save(id, next, journal, dead));
  }

  async progress({ shop, pipeline }: PipelineId): Promise<Progress | undefined> {
    return this.#cursors.get([shop, pipeline]);
  }

  async journal({ shop, pipeline }: PipelineId, limit: number): Promise<JournalLine[]> {
    const range = this.#journal.getRange({
      start: [shop, pipeline, LAST],
      end: [shop, pipeline, 0],
      reverse: true,
      limit,
    });
    return [...range].map(({ value }) => value);
  }

  async dead({ shop, pipeline }: PipelineId, { limit, after = '0' }: Page): Promise<DeadLetter[]> {
    const range = this.#dead.getRange({
      start: [shop, pipeline, Number(after) + 1],
      end: [shop, pipeline, LAST],
      limit,
    });
    return [...range].map(({ value }) => value);
  }

  async quarantined(shop: string, { limit, after = '0' }: Page): Promise<Quarantined[]> {
    const range = this.#quarantine.getRange({ start: [shop, Number(after) + 1], end: [shop, LAST], limit });
    return [...range].map(({ value }) => value);
  }

  tally(shop: string): Tally | undefined {
    return this.#tallies.get(shop);
  }

  shops(): string[] {
    return [...this.#tallies.getKeys()];
  }

  /** To be called inside the batch that stores the record. */
  putTally(shop: string, tally: Tally): void {
    void this.#tallies.put(shop, tally);
  }

  /** Keeps a record's refused events. To be called inside the batch that stores the record. */
  putRefused({ dialect, context, refused }: LogRecord): void {
    const { shop, receivedAt } = context;
    const ends = this.#ends(shop);
    for (const { index, id: eventId, name, code, reasons, raw } of refused) {
      ends.last += 1;
      const id = String(ends.last);
      void this.#quarantine.put([shop, ends.last], {
        id,
        shop,
        at: receivedAt,
        dialect,
        code,
        reasons,
        index,
        eventId,
        name,
        raw,
      });
    }
    while (ends.last - ends.first >= this.#quarantineMax) {
      void this.#quarantine.remove([shop, ends.first]);
      ends.first += 1;
    }
  }

  /** Lets go of journal lines about positions that the log no longer keeps. */
  async trimJournal(id: PipelineId, oldest: Position): Promise<void> {
    const { shop, pipeline } = id;
    for (const { key, value } of this.#journal.getRange({
      start: [shop, pipeline, 0],
      end: [shop, pipeline, oldest],
      limit: 1000,
    })) {
      if (value.to >= oldest) break;
      void this.#journal.remove(key);
    }
    await this.#journal.committed;
  }

  pipelines(shop: string): PipelineId[] {
    const keys = this.#cursors.getKeys({ start: [shop], end: [`${shop}\u0000`] });
    return [...keys].map(([of = '', pipeline = '']) => ({ shop: of, pipeline })).filter((id) => id.shop === shop);
  }

  #ends(shop: string): { first: number; last: number } {
    let ends = this.#quarantineEnds.get(shop);
    if (ends === undefined) {
      const [first] = this.#quarantine.getKeys({ start: [shop, 0], end: [shop, LAST], limit: 1 });
      const [last] = this.#quarantine.getKeys({ start: [shop, LAST], end: [shop, 0], reverse: true, limit: 1 });
      ends = { first: Number(first?.[1] ?? 1), last: Number(last?.[1] ?? 0) };
      this.#quarantineEnds.set(shop, ends);
    }
    return ends;
  }

  async #save(
    id: PipelineId,
    next: Progress,
    journal: JournalLine | undefined,
    dead: readonly DeadLetter[],
  ): Promise<void> {
    const { shop, pipeline } = id;
    await this.#root.batch(() => {
      void this.#cursors.put([shop, pipeline], next);
      if (journal) void this.#journal.put([shop, pipeline, journal.from], journal);
      for (const letter of dead) void this.#dead.put([shop, pipeline, letter.position], letter);
    });
  }
}

type Save = (next: Progress, journal: JournalLine | undefined, dead: readonly DeadLetter[]) => Promise<void>;

class LmdbCursor implements Cursor {
  #progress: Progress;
  readonly #save: Save;

  constructor(progress: Progress, save: Save) {
    this.#progress = progress;
    this.#save = save;
  }

  get progress(): Progress {
    return this.#progress;
  }

  async save(next: Progress, journal: JournalLine | undefined, dead: readonly DeadLetter[]): Promise<void> {
    await this.#save(next, journal, dead);
    this.#progress = next;
  }

  // One process owns an LMDB log, so there is nobody to hand a pipeline to.
  async release(): Promise<void> {}
}
