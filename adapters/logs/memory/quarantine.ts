import { type LogRecord, READ_BYTES } from '../log.ts';
import { headOf } from '../quarantine-head.ts';
import type { Quarantine, Quarantined, QuarantinedHead, QuarantineSums } from '../state/quarantine.ts';
import type { Page } from '../state/shared.ts';
import type { StoreOptions } from '../store.ts';

type Limits = Pick<StoreOptions, 'quarantineMax' | 'quarantineMaxBytes' | 'quarantineMs' | 'now'>;

/** The quarantined events of one shop, in memory. */
export class ShopQuarantine {
  readonly #limits: Limits;
  readonly #dropped = { count: 0, bytes: 0, age: 0 };
  #kept: Quarantined[] = [];
  #lastId = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** Keeps the refused events of a record, and removes those that it releases. */
  put({ dialect, context, refused, released = [] }: LogRecord): void {
    this.remove(released.map(({ id }) => id));
    const { shop, receivedAt: at } = context;
    for (const { id: eventId, index, name, code, reasons, raw } of refused) {
      this.#lastId += 1;
      const id = String(this.#lastId);
      this.#kept.push({ id, shop, at, dialect, code, reasons, index, eventId, name, raw, context });
    }
    this.limit();
  }

  /** Gives the number removed. */
  remove(ids: readonly string[]): number {
    const before = this.#kept.length;
    this.#kept = this.#kept.filter(({ id }) => !ids.includes(id));
    return before - this.#kept.length;
  }

  limit(): void {
    const { quarantineMax, quarantineMaxBytes, quarantineMs, now } = this.#limits;
    for (;;) {
      const [oldest] = this.#kept;
      if (oldest === undefined) return;
      if (this.#kept.length > quarantineMax) this.#dropped.count += 1;
      else if (this.sums().bytes > quarantineMaxBytes) this.#dropped.bytes += 1;
      else if (oldest.at < now() - quarantineMs) this.#dropped.age += 1;
      else return;
      this.#kept.shift();
    }
  }

  at(id: string): Quarantined | undefined {
    return this.#kept.find((one) => one.id === id);
  }

  page({ limit, after = '0' }: Page): Quarantined[] {
    const found: Quarantined[] = [];
    let bytes = 0;
    for (const one of this.#after(after).slice(0, limit)) {
      found.push(one);
      bytes += Buffer.byteLength(one.raw);
      if (bytes >= READ_BYTES) break;
    }
    return found;
  }

  heads({ limit, after = '0' }: Page): QuarantinedHead[] {
    return this.#after(after).slice(0, limit).map(headOf);
  }

  about(eventId: string, { limit, after = '0' }: Page): QuarantinedHead[] {
    const about = this.#after(after).filter((one) => one.eventId === eventId);
    return about.slice(0, limit).map(headOf);
  }

  sums(): QuarantineSums {
    const bytes = this.#kept.reduce((sum, { raw }) => sum + Buffer.byteLength(raw), 0);
    return { kept: this.#kept.length, bytes, dropped: { ...this.#dropped } };
  }

  #after(id: string): Quarantined[] {
    return this.#kept.filter((one) => Number(one.id) > Number(id));
  }
}

/** The quarantine of all shops. */
export class MemoryQuarantine implements Quarantine {
  readonly #of: (shop: string) => ShopQuarantine;

  constructor(of: (shop: string) => ShopQuarantine) {
    this.#of = of;
  }

  async page(shop: string, page: Page): Promise<Quarantined[]> {
    return this.#of(shop).page(page);
  }

  async heads(shop: string, page: Page): Promise<QuarantinedHead[]> {
    return this.#of(shop).heads(page);
  }

  async at(shop: string, id: string): Promise<Quarantined | undefined> {
    return this.#of(shop).at(id);
  }

  async about(shop: string, eventId: string, page: Page): Promise<QuarantinedHead[]> {
    return this.#of(shop).about(eventId, page);
  }

  async sums(shops: readonly string[]): Promise<QuarantineSums[]> {
    return shops.map((shop) => this.#of(shop).sums());
  }

  async discard(shop: string, ids: readonly string[]): Promise<number> {
    return this.#of(shop).remove(ids);
  }

  async limit(shops: readonly string[]): Promise<void> {
    for (const shop of shops) this.#of(shop).limit();
  }
}
