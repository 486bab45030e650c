import {
  type EventLog,
  type Extent,
  type LogRecord,
  LogUnavailable,
  type Position,
  type Stored,
  type Tally,
  type Trimmed,
  type TrimOptions,
  type Verdict,
} from './log.ts';
import type { Cursor, DeadLetter, JournalLine, Page, PipelineId, Progress, Quarantined, State } from './state.ts';
import type { Store, StoreOptions } from './store.ts';

/** Everything in this process, nothing on a disk: for tests. Remembers every id it keeps, whatever the dedup window. */
export function openMemory(options: StoreOptions): Store {
  const log = new MemoryLog(options);
  return { log, state: log, close: () => log.close() };
}

interface Shop {
  readonly events: Map<Position, Stored>;
  readonly ids: Map<string, Position>;
  readonly quarantine: Quarantined[];
  readonly readers: Set<() => void>;
  newest: Position;
  tally: Tally;
}

interface Pipeline {
  progress: Progress;
  readonly journal: JournalLine[];
  readonly dead: Map<Position, DeadLetter>;
}

class MemoryLog implements EventLog, State {
  readonly durability = 'process';
  failure: Error | undefined;
  readonly #options: StoreOptions;
  readonly #shops = new Map<string, Shop>();
  readonly #pipelines = new Map<string, Pipeline>();
  #closed = false;

  constructor(options: StoreOptions) {
    this.#options = options;
  }

  async append(record: LogRecord): Promise<Verdict[]> {
    if (this.#closed) throw new LogUnavailable('the log is closed');
    const shop = this.#shop(record.context.shop);
    const views = this.#options.view(
      record.dialect,
      record.body.toString(),
      record.events.map(({ index }) => index),
      record.context,
    );
    const verdicts = record.events.map(({ id }, i): Verdict => {
      const known = shop.ids.get(id);
      if (known !== undefined) return { kind: 'duplicate', position: known };
      const position = ++shop.newest;
      const event = views[i];
      shop.ids.set(id, position);
      if (event) shop.events.set(position, { position, event });
      return { kind: 'stored', position };
    });
    this.#keepRefused(shop, record);
    this.#count(shop, record, verdicts);
    for (const reader of [...shop.readers]) reader();
    return verdicts;
  }

  async read(name: string, after: Position, limit: number, signal: AbortSignal): Promise<Stored[]> {
    const shop = this.#shop(name);
    while (shop.newest <= after && !this.#closed && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const done = () => {
          shop.readers.delete(done);
          signal.removeEventListener('abort', done);
          resolve();
        };
        shop.readers.add(done);
        signal.addEventListener('abort', done, { once: true });
      });
    }
    const found: Stored[] = [];
    for (let position = after + 1; position <= shop.newest && found.length < limit; position++) {
      const stored = shop.events.get(position);
      if (stored) found.push(stored);
    }
    return found;
  }

  async find(name: string, eventId: string): Promise<Stored | undefined> {
    const shop = this.#shop(name);
    return shop.events.get(shop.ids.get(eventId) ?? 0);
  }

  async extent(name: string): Promise<Extent> {
    const { events, newest } = this.#shop(name);
    const [oldest = newest + 1] = events.keys();
    return { oldest, newest };
  }

  async tally(name: string): Promise<Tally> {
    return this.#shop(name).tally;
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

  async claim(id: PipelineId): Promise<Cursor> {
    const start = this.#shop(id.shop).newest;
    const key = keyOf(id);
    const pipeline: Pipeline = this.#pipelines.get(key) ?? {
      progress: { position: start, start, delivered: 0, dead: 0, filtered: {}, dropped: {} },
      journal: [],
      dead: new Map(),
    };
    this.#pipelines.set(key, pipeline);
    return {
      get progress() {
        return pipeline.progress;
      },
      async save(next, journal, dead) {
        pipeline.progress = next;
        if (journal) pipeline.journal.push(journal);
        for (const letter of dead) pipeline.dead.set(letter.position, letter);
      },
      async release() {},
    };
  }

  async progress(id: PipelineId): Promise<Progress | undefined> {
    return this.#pipelines.get(keyOf(id))?.progress;
  }

  async journal(id: PipelineId, limit: number): Promise<JournalLine[]> {
    return (this.#pipelines.get(keyOf(id))?.journal ?? []).slice(-limit).reverse();
  }

  async dead(id: PipelineId, { limit, after = '0' }: Page): Promise<DeadLetter[]> {
    const letters = [...(this.#pipelines.get(keyOf(id))?.dead.values() ?? [])].sort((a, b) => a.position - b.position);
    return letters.filter(({ position }) => position > Number(after)).slice(0, limit);
  }

  async quarantined(name: string, { limit, after = '0' }: Page): Promise<Quarantined[]> {
    return this.#shop(name)
      .quarantine.filter(({ id }) => Number(id) > Number(after))
      .slice(0, limit);
  }

  #keepRefused({ quarantine }: Shop, { dialect, context, refused }: LogRecord): void {
    for (const { id: eventId, index, name, code, reasons, raw } of refused) {
      const id = String(Number(quarantine.at(-1)?.id ?? 0) + 1);
      quarantine.push({
        id,
        shop: context.shop,
        at: context.receivedAt,
        dialect,
        code,
        reasons,
        index,
        eventId,
        name,
        raw,
      });
      if (quarantine.length > this.#options.quarantineMax) quarantine.shift();
    }
  }

  #count(shop: Shop, { events, refused }: LogRecord, verdicts: readonly Verdict[]): void {
    const { received, duplicate, quarantined } = shop.tally;
    const repeated = verdicts.filter(({ kind }) => kind === 'duplicate').length;
    const codes = { ...quarantined };
    for (const { code } of refused) codes[code] = (codes[code] ?? 0) + 1;
    shop.tally = {
      received: received + events.length + refused.length,
      appended: shop.newest,
      duplicate: duplicate + repeated,
      quarantined: codes,
    };
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
      const tally = { received: 0, appended: 0, duplicate: 0, quarantined: {} };
      shop = { events: new Map(), ids: new Map(), quarantine: [], readers: new Set(), newest: 0, tally };
      this.#shops.set(name, shop);
    }
    return shop;
  }
}

const keyOf = ({ shop, pipeline }: PipelineId): string => `${shop}/${pipeline}`;
