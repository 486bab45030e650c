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
  /** Called when new events have arrived. */
  readonly readers: Set<() => void>;
  newest: Position;
  tally: Tally;
}

/** The log and the quarantine of each shop. */
export class Shops {
  readonly #options: StoreOptions;
  readonly #shops = new Map<string, Shop>();

  constructor(options: StoreOptions) {
    this.#options = options;
  }

  /** Creates a shop on first use. */
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
