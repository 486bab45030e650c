import type { Contents } from '../../dialects/dialect.ts';
import type { Head } from '../head.ts';
import type { LogRecord, Position, Verdict } from '../log.ts';
import { isAnother, renamer } from '../reused.ts';
import { counted } from '../tally.ts';
import { LookBacks } from './lookback.ts';
import type { LmdbLogParts } from './parts.ts';
import {
  type Arrivals,
  arrivalsOf,
  type Hashing,
  hasIdOf,
  positionOf,
  rename,
  type ShopLog,
  seeming,
  type Waiting,
} from './shop.ts';

/** Separates the new events of a record from known ones, and gives the new ones positions. */
export class LmdbAdmission {
  readonly #parts: LmdbLogParts;
  readonly #contents: Contents | undefined;
  readonly #lookBacks = new LookBacks();

  constructor(parts: LmdbLogParts, contents: Contents | undefined) {
    this.#parts = parts;
    this.#contents = contents;
  }

  arrivals(shop: ShopLog, { events }: LogRecord): Arrivals {
    return arrivalsOf(events, this.#hashingOf(shop));
  }

  /**
   * The stored heads with an id of one of the arrivals. Waits for its turn if there is much to read. `check` runs after each wait and may throw.
   */
  async known(shop: ShopLog, arrivals: Arrivals, check: () => void): Promise<ReadonlyMap<Position, Head>> {
    const known = new Map<Position, Head>();
    const heads = new Map<Position, Head | undefined>();
    // Includes what is committed meanwhile, so nothing is missed when the record joins a commit.
    for (let from = 0; from < shop.committed; ) {
      const upTo = shop.committed;
      const found = seeming(shop, arrivals, from, upTo);
      const turn = found.length > 0 ? this.#lookBacks.ask(shop.name, found.length) : undefined;
      if (turn !== undefined) {
        await turn;
        check();
      }
      for (const { arrival, position } of found) {
        if (!heads.has(position)) heads.set(position, this.#parts.heads.at(shop.name, position));
        const head = heads.get(position);
        if (head && hasIdOf(head, arrivals, arrival)) known.set(position, head);
      }
      from = upTo;
    }
    return known;
  }

  /** Gives every new event its position and finds the duplicates. Nothing is durable yet. `known`: stored heads by position. */
  admit(
    { shop, record, resolve, reject }: Pick<Waiting, 'shop' | 'record' | 'resolve' | 'reject'>,
    arrivals: Arrivals,
    known: ReadonlyMap<Position, Head>,
  ): Waiting {
    const first = shop.given + 1;
    const { heads } = arrivals;
    const verdicts: Verdict[] = [];
    const isReleased = this.#release(shop, record);
    const renaming = this.#contents && renamer(this.#contents, record);
    const coming = shop.pending.begin(first, heads);
    let i = 0;
    const headAt = (position: Position): Head | undefined => known.get(position) ?? shop.pending.at(position);
    const isIt = (position: Position): boolean => {
      const head = headAt(position);
      return head !== undefined && hasIdOf(head, arrivals, i);
    };
    for (; i < heads.count; i++) {
      let at = positionOf(shop, arrivals, i, isIt);
      let renamed: Pick<Verdict, 'id'> | undefined;
      const head = at === 0 ? undefined : headAt(at);
      if (renaming && head && isAnother(head, heads.at(i))) {
        const draft = renaming(i);
        renamed = { id: draft.id };
        rename(arrivals, i, draft, this.#parts.hashing.hasher);
        at = positionOf(shop, arrivals, i, (position) => {
          const stored = shop.pending.at(position) ?? this.#parts.heads.at(shop.name, position);
          return stored !== undefined && hasIdOf(stored, arrivals, i);
        });
      }
      if (at !== 0 || !isReleased) {
        verdicts.push({ kind: 'duplicate', position: at, ...renamed });
        continue;
      }
      shop.given += 1;
      shop.known.ids.add(heads.high(i), heads.low(i), shop.given);
      // Those that are stored move together, and are what the record keeps.
      heads.move(i, coming.count);
      coming.count += 1;
      verdicts.push(
        renamed ? { kind: 'stored', position: shop.given, ...renamed } : { kind: 'stored', position: shop.given },
      );
    }
    heads.cut(coming.count);
    const counts = isReleased ? record : { ...record, events: [], refused: [], released: [] };
    shop.tally = counted(shop.tally, counts, heads.count);
    const { dialect, context, body } = record;
    const entry = heads.count > 0 ? { dialect, context, body, heads } : undefined;
    return { shop, record: counts, first, entry, verdicts, resolve, reject };
  }

  /** Whether everything that a record releases is in quarantine and no other record releases it. */
  #release(shop: ShopLog, { released = [] }: LogRecord): boolean {
    if (released.some(({ id }) => shop.releasing.has(id) || !this.#parts.state.quarantine.has(shop.name, id)))
      return false;
    for (const { id } of released) shop.releasing.add(id);
    return true;
  }

  /** The part of the log's knowledge that hashing ids needs. */
  #hashingOf(shop: ShopLog): Hashing {
    const { hashing } = this.#parts;
    return shop.oldUpTo > shop.known.ids.floor ? hashing : { hasher: hashing.hasher };
  }
}
