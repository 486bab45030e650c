import { setImmediate as nextTurn } from 'node:timers/promises';
import { LRUCache } from 'lru-cache';
import type { Visitor, VisitorIds } from '../../../adapters/dialects/side-call.ts';
import type { EventLog, Position } from '../../../adapters/logs/log.ts';
import type { Event } from '../../../schemas/event.ts';
import { readOver } from '../../base/unreadable.ts';

/** Finds the products that a visitor of a shop saw, added to the cart and bought, from the shop's recent events. */
export interface Visitors {
  /** Matches any of the given ids. */
  of(shop: string, ids: VisitorIds): Promise<Visitor>;
}

/** Most events that are read for the first question, and between two later ones. */
const RECENT = 2_000;
// Events per piece: parsing this many of the largest bodies takes some 30 ms. Other work runs between pieces.
const PIECE = 25;
/** Milliseconds after which new events are read. */
const FRESH_MS = 1_000;
const VISITORS_PER_SHOP = 2_000;
const PRODUCTS = 20;
/** Longer ids are not cached. */
const LONGEST_ID = 200;

/** What is known of one shop. Its events are read once for all visitors: a hundred questions cost no more than one. */
interface Memory {
  position: Position | undefined;
  readAt: number;
  reading: Promise<void> | undefined;
  readonly known: LRUCache<string, Known>;
}

/** Each list is ordered by last use. */
interface Known {
  readonly browsed: Set<string>;
  readonly cart: Set<string>;
  readonly purchased: Set<string>;
}

export function createVisitors(log: Pick<EventLog, 'extent' | 'read'>, now: () => number): Visitors {
  const memories = new Map<string, Memory>();
  const memoryOf = (shop: string): Memory => {
    const known = memories.get(shop) ?? {
      position: undefined,
      readAt: Number.NEGATIVE_INFINITY,
      reading: undefined,
      known: new LRUCache<string, Known>({ max: VISITORS_PER_SHOP }),
    };
    memories.set(shop, known);
    return known;
  };
  return {
    async of(shop, ids) {
      const keys = keysOf(ids);
      if (keys.length === 0) return { browsed: [], cart: [], purchased: [] };
      const memory = memoryOf(shop);
      if (now() - memory.readAt >= FRESH_MS) {
        memory.reading ??= catchUp(log, shop, memory).finally(() => {
          memory.reading = undefined;
          memory.readAt = now();
        });
      }
      await memory.reading;
      return together(keys.flatMap((key) => memory.known.get(key) ?? []));
    },
  };
}

// The signal of a read that does not wait.
const NO_WAIT = AbortSignal.abort();

async function catchUp(log: Pick<EventLog, 'extent' | 'read'>, shop: string, memory: Memory): Promise<void> {
  const { newest } = await log.extent(shop);
  let position = Math.max(memory.position ?? 0, newest - RECENT);
  while (position < newest) {
    const { stored, last = newest } = await readOver(log, shop, position, PIECE, NO_WAIT);
    for (const { event } of stored) note(memory.known, event);
    position = last;
    memory.position = position;
    await nextTurn();
  }
}

function note(known: Memory['known'], event: Event): void {
  const ids = productsOf(event);
  if (ids.length === 0) return;
  for (const key of keysOf(event)) {
    let visitor = known.get(key);
    if (visitor === undefined) {
      visitor = { browsed: new Set(), cart: new Set(), purchased: new Set() };
      known.set(key, visitor);
    }
    for (const id of ids) noteProduct(visitor, event.event_type, id);
  }
}

function noteProduct({ browsed, cart, purchased }: Known, type: string, id: string): void {
  if (type === 'product_view') last(browsed, id);
  if (type === 'add_to_cart') last(cart, id);
  if (type === 'remove_from_cart') cart.delete(id);
  if (type === 'purchase') {
    last(purchased, id);
    cart.delete(id);
  }
}

const productsOf = ({ product_id, products = [] }: Event): string[] =>
  [product_id, ...products.map((line) => line.product_id)].filter((id) => id !== undefined).slice(0, PRODUCTS);

/** Moves an id to the end, and drops the oldest ones above the limit. */
function last(ids: Set<string>, id: string): void {
  ids.delete(id);
  ids.add(id);
  if (ids.size > PRODUCTS) for (const oldest of ids) return void ids.delete(oldest);
}

const keysOf = ({ user_id, device_id, customer_id }: VisitorIds): string[] =>
  Object.entries({ user_id, device_id, customer_id }).flatMap(([kind, id]) =>
    id !== undefined && id.length <= LONGEST_ID ? [`${kind} ${id}`] : [],
  );

function together(all: readonly Known[]): Visitor {
  const of = (which: keyof Known): string[] => [...new Set(all.flatMap((known) => [...known[which]].reverse()))];
  return { browsed: of('browsed'), cart: of('cart'), purchased: of('purchased') };
}
