import { hash } from 'node:crypto';
import type { Config, Shop as ShopConfig } from '../../schemas/config.ts';

/** A shop, prepared for checking requests. */
export interface Shop {
  readonly config: ShopConfig;
  readonly customEvents: ReadonlySet<string>;
  /** Whether a domain (in lower case) is this shop's own or an alias. */
  readonly names: (domain: string) => boolean;
  /** Whether an origin may send for this shop. `null` (sandboxed frames, files) only if listed. */
  readonly allows: (origin: string) => boolean;
}

export interface TokenHolder {
  readonly shop: Shop;
  readonly trust: 'public' | 'server';
}

/** Which clients may send events for which shop. Built from a configuration, and replaced as a whole by the next. */
export interface Shops {
  readonly all: readonly Shop[];
  /** The holder of a token. Looked up by SHA-256, so the time does not tell how close a guess is. */
  byToken(token: string): TokenHolder | undefined;
  /** The shop of this domain (own or alias, in lower case). */
  byName(domain: string): Shop | undefined;
  /** The holder that stands for clients who name a shop and have no token. */
  anybody(domain: string): TokenHolder | undefined;
}

export function createShops({ shops }: Config): Shops {
  const all = shops.map(createShop);
  const tokens = new Map<string, TokenHolder>();
  const names = new Map<string, TokenHolder>();
  for (const shop of all) {
    for (const token of shop.config.tokens) tokens.set(digestOf(token), { shop, trust: 'public' });
    for (const token of shop.config.serverTokens) tokens.set(digestOf(token), { shop, trust: 'server' });
    const anybody: TokenHolder = { shop, trust: 'public' };
    for (const name of [shop.config.shop, ...shop.config.aliases]) names.set(name, anybody);
  }
  return {
    all,
    byToken: (token) => tokens.get(sha256(token)),
    byName: (domain) => names.get(domain)?.shop,
    anybody: (domain) => names.get(domain),
  };
}

function createShop(config: ShopConfig): Shop {
  const names = new Set([config.shop, ...config.aliases]);
  const origins = config.origins && new Set(config.origins.map(originKey));
  return {
    config,
    customEvents: new Set(config.customEvents),
    names: (domain) => names.has(domain),
    allows: (origin) =>
      origins ? origins.has(origin) || origins.has(originKey(origin)) : origin.trim().toLowerCase() !== 'null',
  };
}

const DEFAULT_PORT = /^(http(?=:.*:80$)|https(?=:.*:443$)):(.*):\d+$/;

/** A key that equivalent origins share: browsers omit default ports, other clients may not. */
function originKey(origin: string): string {
  // Longer than any host name.
  if (origin.length > 300) return origin;
  const written = origin.trim().toLowerCase();
  const bare = /[^/]\/$|:\/\/\/$/.test(written) ? written.slice(0, -1) : written;
  const [, scheme, rest] = DEFAULT_PORT.exec(bare) ?? [];
  const key = scheme === undefined ? bare : `${scheme}:${rest}`;
  // A host may end in a dot.
  return key.replace(/^(https?:.*[^./])\.(?=$|:\d+$)/, '$1');
}

const digestOf = (token: string): string =>
  token.startsWith('sha256:') ? token.slice(7).toLowerCase() : sha256(token);

const sha256 = (text: string): string => hash('sha256', text, 'hex');
