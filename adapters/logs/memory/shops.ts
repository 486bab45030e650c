import type { Kind } from '../../dialects/kind.ts';
import type { Position, Stored, Tally, UnreadableEvents } from '../log.ts';
import type { StoreOptions } from '../store.ts';
import { NOTHING } from '../tally.ts';
import { ShopQuarantine } from './quarantine.ts';

export interface Shop {
  readonly events: Map<Position, Stored>;
  readonly ids: Map<string, { readonly position: Position; readonly kind: Kind }>;
  readonly unreadable: Map<Position, UnreadableEvents>;
  readonly quarantine: ShopQuarantine;
  /** Called when something has come. */
  readonly readers: Set<() => void>;
  newest: Position;
  tally: Tally;
}

/** What is kept of each shop: log and quarantine. */
export class Shops {
  readonly #options: StoreOptions;
  readonly #shops = new Map<string, Shop>();

  constructor(options: StoreOptions) {
    this.#options = options;
  }

  /** Begins a shop that is asked for the first time. */
  get(name: string): Shop {
    let shop = this.#shops.get(name);
    if (shop === undefined) {
      shop = {
        events: new Map(),
        ids: new Map(),
        unreadable: new Map(),
        quarantine: new ShopQuarantine(this.#options),
        readers: new Set(),
        newest: 0,
        tally: NOTHING,
      };
      this.#shops.set(name, shop);
    }
    return shop;
  }

  all(): IterableIterator<[string, Shop]> {
    return this.#shops.entries();
  }
}
