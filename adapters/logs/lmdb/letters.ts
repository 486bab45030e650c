import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Database, RootDatabase } from 'lmdb';
import { withinBytes } from '../letters.ts';
import { type Going, letGo } from '../letting-go.ts';
import { type Position, READ_BYTES } from '../log.ts';
import type { DeadLetter, DeadLetterLimit } from '../state/dead-letters.ts';
import type { Page, PipelineId } from '../state/shared.ts';
import type { Commit } from './chain.ts';
import { type NumberedKey, removeAll } from './numbered.ts';
import { bytesOf } from './pages.ts';

type Key = [shop: string, pipeline: string, position: Position];

const LAST = Number.MAX_SAFE_INTEGER;
const TRIMMED_AT_ONCE = 1000;
/** No event has this position: it stores whether the marks of a pipeline are complete. */
const COMPLETE = 0;

/** The dead letters of an embedded log, and which of them are marked for a redrive. */
export class LmdbLetters {
  readonly #root: RootDatabase;
  readonly #letters: Database<DeadLetter, Key>;
  readonly #marks: Database<true, Key>;
  readonly #commit: Commit;
  /** Number of open letters by pipeline, once it was asked for. */
  readonly #counts = new Map<string, number>();
  /** Where the next search for ended letters begins, by pipeline. */
  readonly #seen = new Map<string, Position>();
  #last: Promise<unknown> = Promise.resolve();

  constructor(root: RootDatabase, commit: Commit) {
    this.#root = root;
    this.#letters = root.openDB({ name: 'dead', encoding: 'json' });
    this.#marks = root.openDB({ name: 'marks', encoding: 'json' });
    this.#commit = commit;
  }

  at({ shop, pipeline }: PipelineId, position: Position): DeadLetter | undefined {
    return this.#letters.get([shop, pipeline, position]);
  }

  /** At most `limit`, up to and including the one that reaches READ_BYTES. */
  async open(id: PipelineId, { limit, after = '0' }: Page): Promise<DeadLetter[]> {
    const open: DeadLetter[] = [];
    let bytes = 0;
    for await (const letters of this.#pages(id, Number(after))) {
      for (const letter of letters) {
        if (letter.ended) continue;
        open.push(letter);
        bytes += JSON.stringify(letter).length;
        if (open.length >= limit || bytes >= READ_BYTES) return open;
      }
    }
    return open;
  }

  async marked(id: PipelineId, { limit, after = '0' }: Page): Promise<DeadLetter[]> {
    await this.#completeMarks(id);
    const { shop, pipeline } = id;
    const range = { start: [shop, pipeline, Number(after) + 1] as Key, end: [shop, pipeline, LAST] as Key, limit };
    const letters = this.#marks.getKeys(range).map((key) => this.#letters.get(key));
    return [...withinBytes(letters.filter((letter) => letter !== undefined) as Iterable<DeadLetter>, limit)].filter(
      ({ redrive, ended }) => redrive && !ended,
    );
  }

  /** The positions in a stretch whose letters were not delivered in the end. */
  undelivered({ shop, pipeline }: PipelineId, after: Position, to: Position): Position[] {
    const range = { start: [shop, pipeline, after + 1] as Key, end: [shop, pipeline, to + 1] as Key };
    return [...this.#letters.getRange(range)].flatMap(({ value }) =>
      value.ended?.kind === 'delivered' ? [] : [value.position],
    );
  }

  /** Removes all letters of a pipeline, ended ones too. */
  async forget(id: PipelineId): Promise<void> {
    for (const tree of [this.#letters, this.#marks] as Database<unknown, NumberedKey>[])
      await removeAll(this.#root, tree, id, this.#commit);
  }

  /** Gives how many are marked. */
  mark(id: PipelineId, positions: readonly Position[]): Promise<number> {
    return this.#change(id, positions, (letter) => ({ ...letter, redrive: true }));
  }

  /** Number of open letters. Counted once and then kept up to date. */
  async countOpen(id: PipelineId): Promise<number> {
    const name = nameOf(id);
    if (!this.#counts.has(name)) {
      await this.#inTurn(async () => {
        let count = 0;
        for await (const letters of this.#pages(id, 0)) count += letters.filter(({ ended }) => !ended).length;
        this.#counts.set(name, count);
      });
    }
    return this.#counts.get(name) ?? 0;
  }

  /** Ends letters because of a limit, except those that have ended or were marked meanwhile. `count` runs inside the batch with their number. */
  async letGo(
    id: PipelineId,
    gone: readonly Going[],
    at: number,
    count: (counts: Record<DeadLetterLimit, number>) => void,
  ): Promise<void> {
    const write = () => {
      const counts = { count: 0, age: 0 };
      for (const { letter, limit } of gone) {
        const key: Key = [id.shop, id.pipeline, letter.position];
        const now = this.#letters.get(key);
        if (now === undefined || now.ended || now.redrive) continue;
        this.#put(key, letGo(now, limit, at));
        counts[limit] += 1;
      }
      count(counts);
    };
    await this.#inTurn(() => this.#commit(() => this.#root.batch(write)));
  }

  /** Gives the number discarded, and the marked ones that were left alone (none if `all`). */
  async discard(
    id: PipelineId,
    positions: readonly Position[],
    at: number,
    all: boolean,
  ): Promise<{ readonly count: number; readonly left: readonly Position[] }> {
    const left: Position[] = [];
    const count = await this.#change(id, positions, (letter) => {
      if (letter.redrive && !all) {
        left.push(letter.position);
        return undefined;
      }
      const { redrive: _, ...rest } = letter;
      return { ...rest, ended: { kind: 'discarded', at, attempts: rest.attempts, status: rest.reason } };
    });
    return { count, left };
  }

  /** Saves letters, and what `write` writes, in one commit. */
  save({ shop, pipeline }: PipelineId, letters: readonly DeadLetter[], write: () => void): Promise<void> {
    const all = () => {
      write();
      for (const letter of letters) this.#put([shop, pipeline, letter.position], letter);
    };
    const commit = () => this.#commit(() => this.#root.batch(all));
    return letters.length > 0 ? this.#inTurn(commit) : commit();
  }

  /** Removes ended letters about positions that the log no longer keeps. */
  async trim({ shop, pipeline }: PipelineId, oldest: Position): Promise<void> {
    const name = `${shop}/${pipeline}`;
    const start: Key = [shop, pipeline, this.#seen.get(name) ?? 0];
    const letters = [...this.#letters.getRange({ start, end: [shop, pipeline, oldest], limit: TRIMMED_AT_ONCE })];
    // Open ones stay, and there may be millions. So each call checks some, the next call those after them, and after the last it starts again.
    const last = letters.length === TRIMMED_AT_ONCE ? letters.at(-1) : undefined;
    this.#seen.set(name, last ? last.value.position + 1 : 0);
    const ended = letters.filter(({ value }) => value.ended);
    if (ended.length === 0) return;
    const write = () => {
      for (const { key } of ended) void this.#letters.remove(key);
    };
    await this.#commit(() => this.#root.batch(write));
  }

  usedBytes(): number {
    return bytesOf(this.#letters) + bytesOf(this.#marks);
  }

  /** All letters from a position on, some at a time: there may be very many, and other work must run in between. */
  async *#pages({ shop, pipeline }: PipelineId, after: Position): AsyncGenerator<DeadLetter[]> {
    for (let last = after; ; ) {
      const range = this.#letters.getRange({ start: [shop, pipeline, last + 1], end: [shop, pipeline, LAST] });
      const letters = [...withinBytes(range.map(({ value }) => value))];
      if (letters.length === 0) return;
      yield letters;
      last = letters.at(-1)?.position ?? LAST;
      await nextTurn();
    }
  }

  /** A log from before there were marks has them only in its letters. */
  async #completeMarks(id: PipelineId): Promise<void> {
    const complete: Key = [id.shop, id.pipeline, COMPLETE];
    if (this.#marks.get(complete)) return;
    await this.#inTurn(async () => {
      for await (const letters of this.#pages(id, 0)) {
        const marked = letters.filter(({ redrive, ended }) => redrive && !ended);
        const write = () => {
          for (const { position } of marked) void this.#marks.put([id.shop, id.pipeline, position], true);
        };
        if (marked.length > 0) await this.#commit(() => this.#root.batch(write));
      }
      await this.#commit(() => this.#marks.put(complete, true));
    });
  }

  /** Changes open letters, except those that `change` leaves alone; gives the number changed. */
  async #change(
    { shop, pipeline }: PipelineId,
    positions: readonly Position[],
    change: (letter: DeadLetter) => DeadLetter | undefined,
  ): Promise<number> {
    let count = 0;
    const write = () => {
      for (const position of positions) {
        const letter = this.#letters.get([shop, pipeline, position]);
        const changed = letter && !letter.ended && change(letter);
        if (!changed) continue;
        this.#put([shop, pipeline, position], changed);
        count += 1;
      }
    };
    await this.#inTurn(() => this.#commit(() => this.#root.batch(write)));
    return count;
  }

  #put(key: Key, letter: DeadLetter): void {
    const name = nameOf({ shop: key[0], pipeline: key[1] });
    const open = this.#counts.get(name);
    if (open !== undefined) {
      const was = this.#letters.get(key);
      this.#counts.set(name, open + Number(!letter.ended) - Number(was !== undefined && !was.ended));
    }
    void this.#letters.put(key, letter);
    if (letter.redrive && !letter.ended) void this.#marks.put(key, true);
    else void this.#marks.remove(key);
  }

  /** Runs read-modify-write steps one after the other: reads inside a batch see only committed data. */
  #inTurn<T>(step: () => Promise<T>): Promise<T> {
    const done = this.#last.then(step, step);
    this.#last = done.catch(() => {});
    return done;
  }
}

const nameOf = ({ shop, pipeline }: PipelineId): string => `${shop}/${pipeline}`;
