import type { Contents, Draft } from '../../dialects/dialect.ts';
import { type Head, headOf, REUSED } from '../head.ts';
import { Heads } from '../heads.ts';
import { type Hasher, hexOf } from '../id-hash.ts';
import type { LogRecord, Position, Verdict } from '../log.ts';
import { type Entry, encodePage, type RecordFormat } from '../record.ts';
import { isAnother, renamer } from '../reused.ts';

/** One shop's part of a commit. */
interface Share {
  readonly name: string;
  readonly entries: Entry[];
  /** By hash: the number of its event within the commit. */
  readonly known: Map<string, number>;
  at: number;
  gained: number;
  repeats: number;
}

/** Where the verdict on an event comes from: its own number, or that of the event that it repeats. */
interface Place {
  readonly ordinal: number;
  readonly repeated: boolean;
  /** The new id of the event, if its own belongs to another. */
  readonly id?: string | undefined;
}

export interface CommitOptions {
  readonly hasher: Hasher;
  /** The format of its pages. */
  readonly format: RecordFormat;
  /** Records whose events were released from quarantine by others; they store and count nothing. */
  readonly gone: ReadonlySet<LogRecord>;
  /** The events that get new ids, since theirs belong to others; undefined in format 1, which cannot record that. */
  readonly renames?: Renames | undefined;
}

/** The events that get new ids, since theirs belong to events of another kind. */
export class Renames {
  readonly #contents: Contents;
  readonly #renamers = new Map<LogRecord, { readonly draft: (place: number) => Draft; readonly places: Set<number> }>();

  constructor(contents: Contents) {
    this.#contents = contents;
  }

  add(record: LogRecord, place: number): void {
    const known = this.#renamers.get(record) ?? { draft: renamer(this.#contents, record), places: new Set<number>() };
    known.places.add(place);
    this.#renamers.set(record, known);
  }

  /** An event under its new id, if it gets one. */
  draftOf(record: LogRecord, place: number): Draft | undefined {
    const known = this.#renamers.get(record);
    return known?.places.has(place) ? known.draft(place) : undefined;
  }
}

/** The records of several requests, stored with one call of the database. */
export class Commit {
  /** The newest position of each shop after the commit. */
  readonly newest = new Map<string, Position>();
  readonly #shares: readonly Share[];
  readonly #places: (Place | undefined)[][] = [];
  /** Its records, except those that store nothing. */
  readonly #bringing: LogRecord[] = [];
  readonly #heads: Head[] = [];
  readonly #owners: number[] = [];
  readonly #hasher: Hasher;
  readonly #format: RecordFormat;
  readonly #renames: Renames | undefined;
  /** The record of each head, and the place in it. */
  readonly #sources: (readonly [LogRecord, number])[] = [];

  constructor(records: readonly LogRecord[], { hasher, format, gone, renames }: CommitOptions) {
    this.#hasher = hasher;
    this.#format = format;
    this.#renames = renames;
    const names = [...new Set(records.map(({ context }) => context.shop))].sort();
    this.#shares = names.map((name) => ({ name, entries: [], known: new Map(), at: 0, gained: 0, repeats: 0 }));
    const released = new Set<string>();
    for (const record of records) {
      const keys = (record.released ?? []).map(({ id }) => `${record.context.shop}#${id}`);
      const isGone = gone.has(record) || keys.some((key) => released.has(key));
      for (const key of keys) released.add(key);
      if (isGone) this.#places.push(record.events.map(() => undefined));
      else this.#add(record);
    }
  }

  /** When its newest record came in. */
  at(fallback: number): number {
    return Math.max(...this.#shares.map(({ at }) => at)) || fallback;
  }

  values(day: string, since: string, quarantineMax: number): unknown[] {
    const pages = this.#shares.map(({ entries }) =>
      entries.length > 0 ? encodePage(entries, this.#format) : Buffer.alloc(0),
    );
    let end = 0;
    const ends = pages.map((page) => {
      end += page.length;
      return end;
    });
    const refused = this.#bringing.flatMap(({ context, dialect, refused: all }) =>
      all.map(({ id: eventId, ...refusal }) => ({
        owner: this.#ownerOf(context.shop),
        code: refusal.code,
        entry: JSON.stringify({ shop: context.shop, at: context.receivedAt, dialect, ...refusal, eventId, context }),
      })),
    );
    const released = this.#bringing.flatMap(({ context, released: all = [] }) =>
      all.map(({ id, code }) => ({ owner: this.#ownerOf(context.shop), id, code })),
    );
    return [
      day,
      since,
      this.#shares.map(({ name }) => name),
      Buffer.concat(pages),
      ends,
      this.#shares.map(({ at }) => at),
      this.#heads.map(({ hash }) => hexOf(hash)),
      this.#heads.map(({ kind }) => kind | 0),
      this.#heads.map(({ flags }) => flags),
      this.#heads.map(({ order }) => (order === undefined ? null : Buffer.from(order, 'latin1').readBigInt64BE())),
      this.#owners,
      this.#renames !== undefined,
      this.#shares.map(({ gained }) => gained),
      this.#shares.map(({ repeats }) => repeats),
      refused.map(({ owner }) => owner),
      refused.map(({ code }) => code),
      refused.map(({ entry }) => entry),
      released.map(({ owner }) => owner),
      released.map(({ id }) => id),
      released.map(({ code }) => code),
      quarantineMax,
    ];
  }

  /** The verdicts on each record, from the answer of the database: the position of each known event, and where each shop's log ended before. */
  verdicts(known: readonly Position[], befores: readonly Position[]): Verdict[][] {
    const next = [...befores];
    const positions = known.map((position, i) => {
      if (position > 0) return position;
      const share = (this.#owners[i] ?? 1) - 1;
      next[share] = (next[share] ?? 0) + 1;
      return next[share];
    });
    for (const [i, { name }] of this.#shares.entries()) this.newest.set(name, next[i] ?? 0);
    return this.#places.map((places) =>
      places.map((place) => {
        const { ordinal = -1, repeated = true, id } = place ?? {};
        const kind = repeated || known[ordinal] !== 0 ? 'duplicate' : 'stored';
        return { kind, position: positions[ordinal] ?? 0, ...(id !== undefined && { id }) };
      }),
    );
  }

  /** The records whose released events (numbered from 1 over all records) are gone. */
  recordsOf(gone: readonly number[]): LogRecord[] {
    let number = 0;
    return this.#bringing.filter(({ released = [] }) => released.filter(() => gone.includes(++number)).length > 0);
  }

  /** Gives these events (numbered from 1) new ids in the next attempt. */
  rename(unlike: readonly number[]): void {
    for (const number of unlike) {
      const source = this.#sources[number - 1];
      if (source) this.#renames?.add(...source);
    }
  }

  #add(record: LogRecord): void {
    const { context, events, refused, released = [], dialect, body } = record;
    this.#bringing.push(record);
    const owner = this.#ownerOf(context.shop);
    const share = this.#shares[owner - 1] as Share;
    const indexes: number[] = [];
    const heads: Head[] = [];
    const places: Place[] = [];
    for (const [place, draft] of events.entries()) {
      let renamed = this.#renames?.draftOf(record, place);
      let head = this.#headOf(draft, renamed);
      let first = share.known.get(head.hash);
      const other = first === undefined ? undefined : this.#heads[first];
      if (this.#renames && other && isAnother(other, head)) {
        this.#renames.add(record, place);
        renamed = this.#renames.draftOf(record, place);
        head = this.#headOf(draft, renamed);
        first = share.known.get(head.hash);
      }
      const id = renamed?.id;
      if (first !== undefined) {
        places.push({ ordinal: first, repeated: true, id });
        share.repeats += 1;
        continue;
      }
      const ordinal = this.#heads.push(head) - 1;
      this.#owners.push(owner);
      this.#sources.push([record, place]);
      share.known.set(head.hash, ordinal);
      places.push({ ordinal, repeated: false, id });
      indexes.push(draft.index);
      heads.push(head);
    }
    this.#places.push(places);
    if (indexes.length > 0) share.entries.push({ dialect, context, body, heads: Heads.of(heads, indexes) });
    share.at = Math.max(share.at, context.receivedAt);
    share.gained += events.length + refused.length - released.length;
  }

  #headOf(draft: Draft, renamed: Draft | undefined): Head {
    return renamed ? headOf(renamed, this.#hasher, REUSED) : headOf(draft, this.#hasher);
  }

  #ownerOf(shop: string): number {
    return this.#shares.findIndex(({ name }) => name === shop) + 1;
  }
}
