import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Database, RootDatabase } from 'lmdb';
import { beginning, Holders, resumed, suspendedBy } from './holders.ts';
import type { Commit } from './lmdb-chain.ts';
import { bytesOf } from './lmdb-pages.ts';
import type { LogRecord, Position, Tally } from './log.ts';
import type {
  Cursor,
  DeadLetter,
  JournalLine,
  Page,
  PipelineId,
  Progress,
  Quarantined,
  Replay,
  Rule,
  Standing,
  State,
  Suspension,
  Update,
} from './state.ts';

const LAST = Number.MAX_SAFE_INTEGER;
const LETTERS_AT_ONCE = 50;
const TRIMMED_AT_ONCE = 1000;

export interface LmdbStateOptions {
  readonly quarantineMax: number;
  /** The newest durable position of a shop. */
  readonly head: (shop: string) => Position;
  readonly onBegun: () => Promise<void>;
  readonly commit: Commit;
}

/** The state beside the log, in the same LMDB environment, so that one commit covers both. */
export class LmdbState implements State {
  readonly #root: RootDatabase;
  readonly #cursors: Database<Progress, string[]>;
  readonly #journal: Database<JournalLine, (string | number)[]>;
  readonly #dead: Database<DeadLetter, (string | number)[]>;
  readonly #quarantine: Database<Quarantined, (string | number)[]>;
  readonly #tallies: Database<Tally, string>;
  readonly #rules: Database<Rule, (string | number)[]>;
  readonly #replays: Database<Replay, string>;
  readonly #quarantineMax: number;
  readonly #quarantineEnds = new Map<string, { first: number; last: number }>();
  readonly #head: (shop: string) => Position;
  readonly #onBegun: () => Promise<void>;
  readonly #commit: Commit;
  readonly #holders = new Holders();
  /** Where the next look for ended dead letters begins, by pipeline. */
  readonly #deadSeen = new Map<string, Position>();

  constructor(root: RootDatabase, options: LmdbStateOptions) {
    this.#root = root;
    this.#cursors = root.openDB({ name: 'cursors', encoding: 'json' });
    this.#journal = root.openDB({ name: 'journal', encoding: 'json' });
    this.#dead = root.openDB({ name: 'dead', encoding: 'json' });
    this.#quarantine = root.openDB({ name: 'quarantine', encoding: 'json' });
    this.#tallies = root.openDB({ name: 'tallies', encoding: 'json' });
    this.#rules = root.openDB({ name: 'rules', encoding: 'json' });
    this.#replays = root.openDB({ name: 'replays', encoding: 'json' });
    this.#quarantineMax = options.quarantineMax;
    this.#head = options.head;
    this.#onBegun = options.onBegun;
    this.#commit = options.commit;
  }

  async begin(id: PipelineId, start = this.#head(id.shop)): Promise<void> {
    if (await this.progress(id)) return;
    await this.#commit(() => this.#cursors.put([id.shop, id.pipeline], beginning(start)));
    await this.#onBegun();
  }

  claim(id: PipelineId, signal: AbortSignal): Promise<Cursor> {
    const progress = async () => (await this.progress(id)) ?? beginning(this.#head(id.shop));
    return this.#holders.claim(id, signal, progress, (update) => this.#save(id, update));
  }

  async progress({ shop, pipeline }: PipelineId): Promise<Progress | undefined> {
    return this.#cursors.get([shop, pipeline]);
  }

  async standing(id: PipelineId): Promise<Standing | undefined> {
    const progress = await this.progress(id);
    return progress && this.#holders.standing(id, progress);
  }

  suspend(id: PipelineId, suspension: Suspension): Promise<boolean> {
    return this.#holders.change(this, id, suspendedBy(suspension));
  }

  resume(id: PipelineId): Promise<boolean> {
    return this.#holders.change(this, id, resumed);
  }

  async journalAt({ shop, pipeline }: PipelineId, position: Position): Promise<JournalLine | undefined> {
    const line = newestUpTo(this.#journal, [shop, pipeline], position);
    return line && line.to >= position ? line : undefined;
  }

  async ruleAt({ shop, pipeline }: PipelineId, position: Position): Promise<Rule | undefined> {
    return newestUpTo(this.#rules, [shop, pipeline], position);
  }

  async saveRule({ shop, pipeline }: PipelineId, rule: Rule): Promise<void> {
    await this.#commit(() => this.#rules.put([shop, pipeline, rule.since], rule));
  }

  async dead({ shop, pipeline }: PipelineId, { limit, after = '0' }: Page): Promise<DeadLetter[]> {
    const open: DeadLetter[] = [];
    for (let last = Number(after); ; ) {
      const range = { start: [shop, pipeline, last + 1], end: [shop, pipeline, LAST], limit: LETTERS_AT_ONCE };
      const letters = [...this.#dead.getRange(range)].map(({ value }) => value);
      open.push(...letters.filter(({ ended }) => !ended));
      if (open.length >= limit || letters.length < LETTERS_AT_ONCE) return open.slice(0, limit);
      last = letters.at(-1)?.position ?? LAST;
      // There may be very many, also of those that have ended: others have their turn.
      await nextTurn();
    }
  }

  async deadAt({ shop, pipeline }: PipelineId, position: Position): Promise<DeadLetter | undefined> {
    return this.#dead.get([shop, pipeline, position]);
  }

  async redrive(id: PipelineId, positions: readonly Position[]): Promise<void> {
    await this.#change(id, positions, (letter) => ({ ...letter, redrive: true }));
    this.#holders.redriven(id);
  }

  discardDead(id: PipelineId, positions: readonly Position[], at: number): Promise<void> {
    return this.#change(id, positions, (letter) => ({
      ...letter,
      ended: { kind: 'discarded', at, attempts: letter.attempts, status: letter.reason },
    }));
  }

  async discardQuarantined(shop: string, ids: readonly string[]): Promise<void> {
    await this.#commit(() => this.#root.batch(() => this.removeQuarantined(shop, ids)));
  }

  async saveReplay(replay: Replay): Promise<void> {
    await this.#commit(() => this.#replays.put(replay.id, replay));
    this.#holders.replaySaved();
  }

  replaysChanged(): AbortSignal {
    return this.#holders.replaysChanged();
  }

  async replays(): Promise<Replay[]> {
    return [...this.#replays.getRange()].map(({ value }) => value);
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
        context,
      });
    }
    while (ends.last - ends.first >= this.#quarantineMax) {
      void this.#quarantine.remove([shop, ends.first]);
      ends.first += 1;
    }
  }

  /** To be called inside a batch. */
  removeQuarantined(shop: string, ids: readonly string[]): void {
    for (const id of ids) void this.#quarantine.remove([shop, Number(id)]);
  }

  /** Lets go of journal lines and ended dead letters about positions that the log no longer keeps. */
  async trimJournal(id: PipelineId, oldest: Position): Promise<void> {
    for (;;) {
      const old = upTo(this.#journal, id, 0, oldest).filter(({ value }) => value.to < oldest);
      if (old.length === 0) break;
      await this.#remove(this.#journal, old);
    }
    const name = `${id.shop}/${id.pipeline}`;
    const letters = upTo(this.#dead, id, this.#deadSeen.get(name) ?? 0, oldest);
    // Open ones stay, and there may be millions: so each time looks at some, the next at those behind, and after the last all begins anew.
    const last = letters.length === TRIMMED_AT_ONCE ? letters.at(-1) : undefined;
    this.#deadSeen.set(name, last ? last.value.position + 1 : 0);
    const ended = letters.filter(({ value }) => value.ended);
    if (ended.length > 0) await this.#remove(this.#dead, ended);
  }

  /** What it takes of the file. */
  usedBytes(): number {
    const trees = [
      this.#cursors,
      this.#journal,
      this.#dead,
      this.#quarantine,
      this.#tallies,
      this.#rules,
      this.#replays,
    ];
    return trees.reduce((bytes, tree) => bytes + bytesOf(tree), 0);
  }

  /** Every pipeline that has begun, replays included. */
  allPipelines(): PipelineId[] {
    return [...this.#cursors.getKeys()].map(([shop = '', pipeline = '']) => ({ shop, pipeline }));
  }

  pipelines(shop: string): PipelineId[] {
    const keys = this.#cursors.getKeys({ start: [shop], end: [`${shop}\u0000`] });
    return [...keys].map(([of = '', pipeline = '']) => ({ shop: of, pipeline })).filter((id) => id.shop === shop);
  }

  async #remove<V>(
    from: Database<V, (string | number)[]>,
    entries: readonly { readonly key: (string | number)[] }[],
  ): Promise<void> {
    const write = () => {
      for (const { key } of entries) void from.remove(key);
    };
    await this.#commit(() => this.#root.batch(write));
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

  async #change(
    { shop, pipeline }: PipelineId,
    positions: readonly Position[],
    change: (letter: DeadLetter) => DeadLetter,
  ): Promise<void> {
    const write = () => {
      for (const position of positions) {
        const letter = this.#dead.get([shop, pipeline, position]);
        if (letter && !letter.ended) void this.#dead.put([shop, pipeline, position], change(letter));
      }
    };
    await this.#commit(() => this.#root.batch(write));
  }

  async #save({ shop, pipeline }: PipelineId, { progress, journal, dead = [] }: Update): Promise<void> {
    const write = () => {
      void this.#cursors.put([shop, pipeline], progress);
      if (journal) void this.#journal.put([shop, pipeline, journal.from], journal);
      for (const letter of dead) void this.#dead.put([shop, pipeline, letter.position], letter);
    };
    await this.#commit(() => this.#root.batch(write));
  }
}

/** The first entries of a pipeline from a position on, before another. */
const upTo = <V>(
  entries: Database<V, (string | number)[]>,
  { shop, pipeline }: PipelineId,
  from: Position,
  end: Position,
) => [...entries.getRange({ start: [shop, pipeline, from], end: [shop, pipeline, end], limit: TRIMMED_AT_ONCE })];

/** The value with the highest number up to a position, among keys that begin alike and end with a number. */
function newestUpTo<T>(
  values: Database<T, (string | number)[]>,
  prefix: readonly string[],
  position: Position,
): T | undefined {
  const [found] = values.getRange({ start: [...prefix, position], end: [...prefix, -1], reverse: true, limit: 1 });
  return found?.value;
}
