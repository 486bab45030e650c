import type { Event } from '../../../schemas/event.ts';
import type { Draft } from '../../dialects/dialect.ts';
import { areDifferent, type Kind, UNKNOWN_KIND } from '../../dialects/kind.ts';
import { onAbort } from '../../on-abort.ts';
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
import { type Reused, renamer } from '../reused.ts';
import type { StoreOptions } from '../store.ts';
import { counted } from '../tally.ts';
import { viewed } from '../viewed.ts';
import type { Shop, Shops } from './shops.ts';

/** The log in memory. It knows every id that it keeps, whatever the dedup window. */
export class MemoryLog implements EventLog {
  readonly durability = 'process';
  failure: Error | undefined;
  readonly #options: StoreOptions;
  readonly #shops: Shops;
  #closed = false;

  constructor(shops: Shops, options: StoreOptions) {
    this.#shops = shops;
    this.#options = options;
  }

  async append(record: LogRecord, onJoined: () => void = () => {}): Promise<Verdict[]> {
    if (this.#closed) throw new LogUnavailable('the log is closed');
    onJoined();
    const shop = this.#shops.get(record.context.shop);
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

  /** The drafts of a record, with new ids for those whose own belongs to another event. */
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
    const shop = this.#shops.get(name);
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
    const shop = this.#shops.get(name);
    const position = shop.ids.get(eventId)?.position ?? 0;
    const unreadable = shop.unreadable.get(position);
    if (unreadable) throw unreadable.at(position);
    return shop.events.get(position);
  }

  async extent(name: string): Promise<Extent> {
    const { events, newest } = this.#shops.get(name);
    const [oldest = newest + 1] = events.keys();
    return { oldest, newest };
  }

  async before(name: string, time: number): Promise<Position> {
    const { events, newest } = this.#shops.get(name);
    const first = [...events.values()].find(({ event }) => Date.parse(event.received_at) >= time);
    return first ? first.position - 1 : newest;
  }

  async tally(name: string): Promise<Tally> {
    return this.#shops.get(name).tally;
  }

  tallies(names: readonly string[]): Promise<Tally[]> {
    return Promise.all(names.map((name) => this.tally(name)));
  }

  async shops(): Promise<string[]> {
    return [...this.#shops.all()].flatMap(([name, { tally }]) => (tally.received > 0 ? [name] : [])).sort();
  }

  async heads(names: readonly string[]): Promise<Position[]> {
    return names.map((name) => this.#shops.get(name).newest);
  }

  async rests(places: readonly Place[]): Promise<Rest[]> {
    return places.map(({ shop, after }) => {
      const { events, newest } = this.#shops.get(shop);
      const first = [...events.values()].find(({ position }) => position > after);
      return { newest, oldestAt: first && Date.parse(first.event.received_at) };
    });
  }

  async trim({ before, passed, maxBytes }: TrimOptions): Promise<Trimmed> {
    let events = 0;
    const unpassed: Record<string, number> = {};
    let bytes = this.#bytes();
    for (const [name, shop] of this.#shops.all()) {
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
    for (const [, { readers }] of this.#shops.all()) for (const reader of [...readers]) reader();
  }

  #bytes(): number {
    let bytes = 0;
    for (const [, { events }] of this.#shops.all())
      for (const { event } of events.values()) bytes += JSON.stringify(event).length;
    return bytes;
  }
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
