import type { Shop, TokenHolder } from './shops.ts';

/** Rate limits of tokens and shops. */
export interface Rates {
  /** Counts one request and gives 0, or gives the seconds until the next one is allowed. */
  wait(holder: TokenHolder): number;
  /** Charges a body, as far as it is larger than the usual request. */
  spend(holder: TokenHolder, bytes: number): void;
}

export interface RatesOptions {
  /** Requests a second; 0 is no limit. */
  readonly perToken: number;
  readonly perShop: number;
  /** Monotonic, in milliseconds. */
  readonly now: () => number;
  /** Called with a shop over its limit, at most once a minute per shop. */
  readonly onExceeded: (shop: Shop) => void;
}

/** A body counts as one request per this many bytes. A beacon of ten events has some 4 KB. */
const BYTES_PER_REQUEST = 16 * 1024;
/** How many seconds' worth of requests may come at once after a quiet time. */
const BURST_SECONDS = 2;
const MINUTE = 60_000;

/**
 * Token buckets: each fills at its rate, up to two seconds' worth, and each request takes one token. Anyone can read a storefront's token and
 * flood its shop. A request over the limit costs only this check, before its body is read, so other shops are not affected. Buckets belong to a
 * token holder, so they are full again after a reload.
 */
export function createRates({ perToken, perShop, now, onExceeded }: RatesOptions): Rates {
  const tokens = new WeakMap<TokenHolder, Bucket>();
  const shops = new WeakMap<Shop, Bucket>();
  const told = new WeakMap<Shop, number>();

  const bucketsOf = (holder: TokenHolder): readonly Bucket[] => {
    const time = now();
    return [
      ...(perToken > 0 ? [filled(tokens, holder, perToken, time)] : []),
      ...(perShop > 0 ? [filled(shops, holder.shop, perShop, time)] : []),
    ];
  };
  return {
    wait(holder) {
      const buckets = bucketsOf(holder);
      const wait = Math.max(0, ...buckets.map(({ level, rate }) => Math.ceil((1 - level) / rate)));
      if (wait === 0) for (const bucket of buckets) bucket.level -= 1;
      else tell(told, holder.shop, now(), onExceeded);
      return wait;
    },
    spend(holder, bytes) {
      const more = Math.floor(bytes / BYTES_PER_REQUEST);
      if (more === 0) return;
      // Large bodies may make the level negative, by two seconds' worth at most.
      for (const bucket of bucketsOf(holder)) bucket.level = Math.max(-bucket.most, bucket.level - more);
    },
  };
}

interface Bucket {
  readonly rate: number;
  /** How many tokens the bucket holds at most. */
  readonly most: number;
  level: number;
  at: number;
}

function filled<K extends object>(buckets: WeakMap<K, Bucket>, key: K, rate: number, time: number): Bucket {
  let bucket = buckets.get(key);
  if (bucket === undefined) {
    const most = rate * BURST_SECONDS;
    bucket = { rate, most, level: most, at: time };
    buckets.set(key, bucket);
  }
  // No effect if time goes backwards.
  const seconds = Math.max(0, time - bucket.at) / 1000;
  bucket.level = Math.min(bucket.most, bucket.level + seconds * rate);
  bucket.at = time;
  return bucket;
}

function tell(told: WeakMap<Shop, number>, shop: Shop, time: number, onExceeded: (shop: Shop) => void): void {
  const last = told.get(shop);
  if (last !== undefined && Math.abs(time - last) < MINUTE) return;
  told.set(shop, time);
  onExceeded(shop);
}
