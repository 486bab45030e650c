import type { Event } from '../../../schemas/event.ts';
import type { Draft } from '../../dialects/dialect.ts';
import { areDifferent, type Kind, UNKNOWN_KIND } from '../../dialects/kind.ts';
import { onAbort } from '../../on-abort.ts';
import { endedByClose } from '../closing.ts';
import { beginning, Holders, keyOf, NO_OTHERS, resumed, suspendedBy } from '../holders.ts';
import { Jobs } from '../jobs.ts';
import { withinBytes } from '../letters.ts';
import { LET_GO_A_CALL, letGo, lettersToGo, NONE_LET_GO } from '../letting-go.ts';
import {
  type EventLog,
  type Extent,
  type LogRecord,
  LogUnavailable,
  type Place,
  type Position,
  READ_BYTES,
  type Rest,
  type Stored,
  type Tally,
  type Trimmed,
  type TrimOptions,
  UnreadableEvents,
  type Verdict,
} from '../log.ts';
import { changedReplay, nextReplayId, type ReplayChange } from '../replay-change.ts';
import { type Reused, renamer } from '../reused.ts';
import type { Settlement } from '../settlement.ts';
import type {
  Cursor,
  DeadLetter,
  DeadLetterLimit,
  Job,
  JournalLine,
  NamedStanding,
  Others,
  Page,
  PipelineId,
  Progress,
  Quarantined,
  QuarantinedHead,
  QuarantineSums,
  Replay,
  Rule,
  SettlementOrder,
  Standing,
  State,
  Suspension,
  Update,
} from '../state.ts';
import type { Store, StoreOptions } from '../store.ts';
import { counted, NOTHING } from '../tally.ts';
import { viewed } from '../viewed.ts';
import { MemoryQuarantine } from './quarantine.ts';

/** Everything in this process, nothing on a disk: for tests. Remembers every id it keeps, whatever the dedup window. */
export function openMemory(options: StoreOptions): Store {
  const log = new MemoryLog(options);
  return endedByClose({ log, state: log, close: () => log.close() });
}

interface Shop {
  readonly events: Map<Position, Stored>;
  readonly ids: Map<string, { readonly position: Position; readonly kind: Kind }>;
  readonly unreadable: Map<Position, UnreadableEvents>;
  readonly quarantine: MemoryQuarantine;
  readonly readers: Set<() => void>;
  newest: Position;
  tally: Tally;
}

interface Pipeline {
  progress: Progress | undefined;
  readonly journal: JournalLine[];
  readonly rules: Rule[];
  readonly dead: Map<Position, DeadLetter>;
  readonly letGo: Record<DeadLetterLimit, number>;
}

function viewsOf(
  options: StoreOptions,
  { dialect, context, body, events }: LogRecord,
  first: Position,
  reused: readonly Reused[],
): Event[] | UnreadableEvents {
  const indexes = events.map(({ index }) => index);
  const derivations = events.map(({ derived = 0 }) => derived);
  try {
    return viewed(options, { dialect, context, body, indexes, derivations, first, reused });
  } catch (error) {
    if (error instanceof UnreadableEvents) return error;
    throw error;
  }
}

class MemoryLog implements EventLog, State {
  readonly durability = 'process';
  failure: Error | undefined;
  readonly #options: StoreOptions;
  readonly #shops = new Map<string, Shop>();
  readonly #pipelines = new Map<string, Pipeline>();
  readonly #replays = new Map<string, Replay>();
  readonly #holders = new Holders();
  readonly #jobs = new Jobs([], async () => {});
  #closed = false;

  constructor(options: StoreOptions) {
    this.#options = options;
  }

  async append(record: LogRecord, onJoined: () => void = () => {}): Promise<Verdict[]> {
    if (this.#closed) throw new LogUnavailable('the log is closed');
    onJoined();
    const shop = this.#shop(record.context.shop);
    const { released = [] } = record;
    if (!released.every(({ id }) => shop.quarantine.at(id)))
      return record.events.map(({ id }) => ({ kind: 'duplicate', position: shop.ids.get(id)?.position ?? 0 }));
    const first = shop.newest + 1;
    const drafts = this.#named(shop, record);
    const reused = drafts.flatMap(({ id, index, derived: derivation = 0 }, i) =>
      id === record.events[i]?.id ? [] : [{ index, derivation }],
    );
    const views = viewsOf(this.#options, record, first, reused);
    const verdicts = drafts.map(({ id }, i): Verdict => {
      const known = shop.ids.get(id)?.position;
      const renamed = id === record.events[i]?.id ? undefined : { id };
      if (known !== undefined) return { kind: 'duplicate', position: known, ...renamed };
      const position = ++shop.newest;
      shop.ids.set(id, { position, kind: drafts[i]?.kind ?? UNKNOWN_KIND });
      if (views instanceof UnreadableEvents) {
        shop.unreadable.set(position, views);
        return { kind: 'stored', position, ...renamed };
      }
      const event = views[i];
      const bytes = Math.ceil(record.body.length / views.length);
      if (event) shop.events.set(position, { position, event, bytes });
      return { kind: 'stored', position, ...renamed };
    });
    shop.quarantine.put(record);
    shop.tally = counted(shop.tally, record, verdicts.filter(({ kind }) => kind === 'stored').length);
    for (const reader of [...shop.readers]) reader();
    return verdicts;
  }

  /** The drafts of a record, those under another id whose own belongs to another event. */
  #named({ ids }: Shop, record: LogRecord): Draft[] {
    const { contents } = this.#options;
    const renaming = contents && renamer(contents, record);
    const coming = new Map<string, { readonly kind: Kind }>();
    return record.events.map((draft, place) => {
      const { id, kind = UNKNOWN_KIND } = draft;
      const known = ids.get(id) ?? coming.get(id);
      if (renaming && known && areDifferent(known.kind, kind)) return renaming(place);
      coming.set(id, known ?? { kind });
      return draft;
    });
  }

  async read(name: string, after: Position, limit: number, signal: AbortSignal): Promise<Stored[]> {
    const shop = this.#shop(name);
    while (shop.newest <= after && !this.#closed && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const done = () => {
          shop.readers.delete(done);
          ignore();
          resolve();
        };
        shop.readers.add(done);
        const ignore = onAbort(signal, done);
      });
    }
    const found: Stored[] = [];
    let bytes = 0;
    for (let position = after + 1; position <= shop.newest && found.length < limit && bytes < READ_BYTES; position++) {
      const stored = shop.events.get(position);
      const unreadable = shop.unreadable.get(position);
      if (unreadable && found.length > 0) break;
      if (unreadable) throw unreadable;
      if (stored) found.push(stored);
      bytes += stored?.bytes ?? 0;
    }
    return found;
  }

  async find(name: string, eventId: string): Promise<Stored | undefined> {
    const shop = this.#shop(name);
    const position = shop.ids.get(eventId)?.position ?? 0;
    const unreadable = shop.unreadable.get(position);
    if (unreadable) throw unreadable.at(position);
    return shop.events.get(position);
  }

  async extent(name: string): Promise<Extent> {
    const { events, newest } = this.#shop(name);
    const [oldest = newest + 1] = events.keys();
    return { oldest, newest };
  }

  async before(name: string, time: number): Promise<Position> {
    const { events, newest } = this.#shop(name);
    const first = [...events.values()].find(({ event }) => Date.parse(event.received_at) >= time);
    return first ? first.position - 1 : newest;
  }

  async tally(name: string): Promise<Tally> {
    return this.#shop(name).tally;
  }

  tallies(names: readonly string[]): Promise<Tally[]> {
    return Promise.all(names.map((name) => this.tally(name)));
  }

  async shops(): Promise<string[]> {
    return [...this.#shops].flatMap(([name, { tally }]) => (tally.received > 0 ? [name] : [])).sort();
  }

  async heads(names: readonly string[]): Promise<Position[]> {
    return names.map((name) => this.#shop(name).newest);
  }

  async rests(places: readonly Place[]): Promise<Rest[]> {
    return places.map(({ shop, after }) => {
      const { events, newest } = this.#shop(shop);
      const first = [...events.values()].find(({ position }) => position > after);
      return { newest, oldestAt: first && Date.parse(first.event.received_at) };
    });
  }

  async trim({ before, passed, maxBytes }: TrimOptions): Promise<Trimmed> {
    let events = 0;
    const unpassed: Record<string, number> = {};
    let bytes = this.#bytes();
    for (const [name, shop] of this.#shops) {
      for (const [position, { event }] of shop.events) {
        const old = position <= passed(name) && Date.parse(event.received_at) < before.getTime();
        if (!old && bytes <= maxBytes) break;
        if (position > passed(name)) unpassed[name] = (unpassed[name] ?? 0) + 1;
        shop.events.delete(position);
        bytes -= JSON.stringify(event).length;
        events += 1;
      }
    }
    return { events, unpassed };
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const { readers } of this.#shops.values()) for (const reader of [...readers]) reader();
  }

  async others(): Promise<Others> {
    return NO_OTHERS;
  }

  async begin(id: PipelineId, start = this.#shop(id.shop).newest): Promise<void> {
    this.#pipeline(id).progress ??= beginning(start);
  }

  async beginAll(ids: readonly PipelineId[]): Promise<void> {
    for (const id of ids) await this.begin(id);
  }

  claim(id: PipelineId, signal: AbortSignal, takes = false): Promise<Cursor> {
    const pipeline = this.#pipeline(id);
    const progress = async () => pipeline.progress ?? beginning(this.#shop(id.shop).newest);
    const save = async ({ progress: next, journal, dead = [] }: Update): Promise<void> => {
      pipeline.progress = next;
      if (journal) pipeline.journal.push(journal);
      for (const letter of dead) pipeline.dead.set(letter.position, letter);
    };
    return this.#holders.claim(id, signal, progress, save, takes);
  }

  async progress(id: PipelineId): Promise<Progress | undefined> {
    return this.#pipeline(id).progress;
  }

  async standing(id: PipelineId): Promise<Standing | undefined> {
    const { progress } = this.#pipeline(id);
    return progress && this.#holders.standing(id, progress);
  }

  standings(ids: readonly PipelineId[]): Promise<(Standing | undefined)[]> {
    return Promise.all(ids.map((id) => this.standing(id)));
  }

  async everyStanding(): Promise<NamedStanding[]> {
    return [...this.#pipelines].sort().flatMap(([key, { progress }]) => {
      const [shop = '', pipeline = ''] = key.split('/');
      const id = { shop, pipeline };
      return progress ? [{ id, ...this.#holders.standing(id, progress) }] : [];
    });
  }

  settle(id: PipelineId, settlement: Settlement): Promise<Progress | undefined> {
    return this.#holders.settle(this, id, settlement);
  }

  async settleAll(orders: readonly SettlementOrder[]): Promise<void> {
    for (const { id, settlement } of orders) await this.settle(id, settlement);
  }

  async forget(id: PipelineId): Promise<boolean> {
    const { progress, dead } = this.#pipeline(id);
    const isOpen = [...dead.values()].some(({ ended }) => !ended);
    if (progress === undefined || isOpen || this.#holders.holds(id)) return false;
    return this.#pipelines.delete(keyOf(id));
  }

  suspend(id: PipelineId, suspension: Suspension): Promise<boolean> {
    return this.#holders.change(this, id, suspendedBy(suspension));
  }

  resume(id: PipelineId): Promise<boolean> {
    return this.#holders.change(this, id, resumed);
  }

  async journalAt(id: PipelineId, position: Position): Promise<JournalLine | undefined> {
    return this.#pipeline(id).journal.find(({ from, to }) => from <= position && position <= to);
  }

  async ruleAt(id: PipelineId, position: Position): Promise<Rule | undefined> {
    return this.#pipeline(id).rules.findLast(({ since }) => since <= position);
  }

  async saveRule(id: PipelineId, rule: Rule): Promise<void> {
    this.#pipeline(id).rules.push(rule);
  }

  async dead(id: PipelineId, { limit, after = '0' }: Page): Promise<DeadLetter[]> {
    return [...withinBytes(this.#open(id, after), limit)];
  }

  async deadAt(id: PipelineId, position: Position): Promise<DeadLetter | undefined> {
    return this.#pipeline(id).dead.get(position);
  }

  async undelivered(id: PipelineId, after: Position, to: Position): Promise<Position[]> {
    const letters = [...this.#pipeline(id).dead.values()].filter(({ ended }) => ended?.kind !== 'delivered');
    const positions = letters.map(({ position }) => position).filter((one) => one > after && one <= to);
    return positions.sort((a, b) => a - b);
  }

  async redrive(id: PipelineId, positions: readonly Position[]): Promise<number> {
    const count = this.#change(id, positions, (letter) => ({ ...letter, redrive: true }));
    this.#holders.redriven(id);
    return count;
  }

  async marked(id: PipelineId, { limit, after = '0' }: Page): Promise<DeadLetter[]> {
    return [
      ...withinBytes(
        this.#open(id, after).filter(({ redrive }) => redrive),
        limit,
      ),
    ];
  }

  async discardDead(id: PipelineId, positions: readonly Position[], at: number): Promise<number> {
    const { dead } = this.#pipeline(id);
    const isMarked = (position: Position): boolean => {
      const letter = dead.get(position);
      return letter?.redrive === true && !letter.ended;
    };
    const discard = (letters: readonly Position[]): number =>
      this.#change(id, letters, ({ redrive: _, ...letter }) => ({
        ...letter,
        ended: { kind: 'discarded', at, attempts: letter.attempts, status: letter.reason },
      }));
    const marked = positions.filter(isMarked);
    const count = discard(positions.filter((position) => !isMarked(position)));
    if (marked.length === 0) return count;
    const cursor = await this.claim(id, new AbortController().signal, true);
    const more = discard(marked);
    await cursor.release();
    return count + more;
  }

  async limitDead(ids: readonly PipelineId[]): Promise<void> {
    const { deadLettersMax, now } = this.#options;
    for (const id of ids) {
      const { dead, letGo: counts } = this.#pipeline(id);
      const open = [...dead.values()].filter(({ ended }) => !ended).sort((a, b) => a.position - b.position);
      const upTo = open[open.length - deadLettersMax - 1]?.position ?? 0;
      for (const { letter, limit } of lettersToGo(open, upTo, this.#options).slice(0, LET_GO_A_CALL)) {
        dead.set(letter.position, letGo(letter, limit, now()));
        counts[limit] += 1;
      }
    }
  }

  async deadLetGo(ids: readonly PipelineId[]): Promise<Readonly<Record<DeadLetterLimit, number>>[]> {
    return ids.map((id) => ({ ...this.#pipeline(id).letGo }));
  }

  async discardQuarantined(name: string, ids: readonly string[]): Promise<number> {
    return this.#shop(name).quarantine.remove(ids);
  }

  async limitQuarantine(shops: readonly string[]): Promise<void> {
    for (const name of shops) this.#shop(name).quarantine.limit();
  }

  startJob(job: Omit<Job, 'id'>, silentSince: number): Promise<{ readonly job: Job; readonly started: boolean }> {
    return this.#jobs.start(job, silentSince);
  }

  saveJob(job: Job): Promise<Job> {
    return this.#jobs.put(job);
  }

  async jobs(): Promise<Job[]> {
    return this.#jobs.all();
  }

  async addReplay(given: Omit<Replay, 'id'>): Promise<Replay> {
    return this.#saveReplay({ ...given, id: nextReplayId([...this.#replays.values()]) });
  }

  async changeReplay(id: string, change: ReplayChange): Promise<Replay | undefined> {
    const replay = this.#replays.get(id);
    return replay && this.#saveReplay(changedReplay(replay, change));
  }

  async removeReplay(id: string): Promise<void> {
    const newest = [...this.#replays.keys()].at(-1);
    if (newest !== id && this.#replays.get(id)?.ended) this.#replays.delete(id);
  }

  #saveReplay(replay: Replay): Replay {
    this.#replays.set(replay.id, replay);
    this.#holders.replaySaved();
    return replay;
  }

  replaysChanged(): AbortSignal {
    return this.#holders.replaysChanged();
  }

  async replays(): Promise<Replay[]> {
    return [...this.#replays.values()];
  }

  async quarantined(name: string, page: Page): Promise<Quarantined[]> {
    return this.#shop(name).quarantine.page(page);
  }

  async quarantineHeads(name: string, page: Page): Promise<QuarantinedHead[]> {
    return this.#shop(name).quarantine.heads(page);
  }

  async quarantinedAt(name: string, id: string): Promise<Quarantined | undefined> {
    return this.#shop(name).quarantine.at(id);
  }

  async quarantinedAbout(name: string, eventId: string, page: Page): Promise<QuarantinedHead[]> {
    return this.#shop(name).quarantine.about(eventId, page);
  }

  async quarantineSums(shops: readonly string[]): Promise<QuarantineSums[]> {
    return shops.map((name) => this.#shop(name).quarantine.sums());
  }

  /** Gives how many it changed. */
  #change(id: PipelineId, positions: readonly Position[], change: (letter: DeadLetter) => DeadLetter): number {
    const { dead } = this.#pipeline(id);
    const open = positions.flatMap((position) => dead.get(position) ?? []).filter(({ ended }) => !ended);
    for (const letter of open) dead.set(letter.position, change(letter));
    return open.length;
  }

  #open(id: PipelineId, after: string): DeadLetter[] {
    const letters = [...this.#pipeline(id).dead.values()].sort((a, b) => a.position - b.position);
    return letters.filter(({ position, ended }) => !ended && position > Number(after));
  }

  #pipeline({ shop, pipeline }: PipelineId): Pipeline {
    const key = `${shop}/${pipeline}`;
    let found = this.#pipelines.get(key);
    if (found === undefined) {
      found = { progress: undefined, journal: [], rules: [], dead: new Map(), letGo: { ...NONE_LET_GO } };
      this.#pipelines.set(key, found);
    }
    return found;
  }

  #bytes(): number {
    let bytes = 0;
    for (const { events } of this.#shops.values())
      for (const { event } of events.values()) bytes += JSON.stringify(event).length;
    return bytes;
  }

  #shop(name: string): Shop {
    let shop = this.#shops.get(name);
    if (shop === undefined) {
      shop = {
        events: new Map(),
        ids: new Map(),
        unreadable: new Map(),
        quarantine: new MemoryQuarantine(this.#options),
        readers: new Set(),
        newest: 0,
        tally: NOTHING,
      };
      this.#shops.set(name, shop);
    }
    return shop;
  }
}
