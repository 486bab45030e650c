import type { Shop, TokenHolder } from './shops.ts';

/** How much of each token and each shop is taken. */
export interface Rates {
  /** Whether one more request may come: 0, and then it is counted, or in how many seconds it may come again. */
  wait(holder: TokenHolder): number;
  /** Counts what a body costs beyond a request of the usual size. */
  spend(holder: TokenHolder, bytes: number): void;
}

export interface RatesOptions {
  /** Requests a second; 0 is no limit. */
  readonly perToken: number;
  readonly perShop: number;
  /** Milliseconds since some moment; they only go forward. */
  readonly now: () => number;
  /** Called with a shop over its limit, at most once a minute for each. */
  readonly onExceeded: (shop: Shop) => void;
}

/** The size of one request; a larger one counts as several. A beacon of ten events has some 4 KB. */
const BYTES_PER_REQUEST = 16 * 1024;
/** How many seconds' worth may come at once, after a quiet time. */
const BURST_SECONDS = 2;
const MINUTE = 60_000;

/**
 * Token buckets: each fills with its rate, up to two seconds' worth, and each request takes one. Anyone can read a storefront's
 * token and flood its shop with it; what is over the limit costs no more than a look, before its body is read, so that the other
 * shops do not feel it. They are kept per holder, so a configuration that is read again begins with full ones.
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
      // Large bodies may leave it in debt, but never in a deeper one than two seconds pay.
      for (const bucket of bucketsOf(holder)) bucket.level = Math.max(-bucket.most, bucket.level - more);
    },
  };
}

interface Bucket {
  readonly rate: number;
  /** What it holds. */
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
  // A clock that was set back adds nothing, and takes nothing away.
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
