import { hash } from 'node:crypto';
import type { Config, Shop as ShopConfig } from '../../schemas/config.ts';

/** A shop as requests meet it. */
export interface Shop {
  readonly config: ShopConfig;
  readonly customEvents: ReadonlySet<string>;
  /** Whether a domain in lower case is this shop's own or an alias. */
  readonly names: (domain: string) => boolean;
  /** Whether an origin may send for this shop. `null` (sandboxed frames, files) only if listed. */
  readonly allows: (origin: string) => boolean;
}

export interface TokenHolder {
  readonly shop: Shop;
  readonly trust: 'public' | 'server';
}

/** Who may send what: built once from a configuration, replaced as a whole when that changes. */
export interface Shops {
  readonly all: readonly Shop[];
  /** Whose token it is. Looked up by SHA-256, so the time taken says nothing about a token that is nearly right. */
  byToken(token: string): TokenHolder | undefined;
  /** By domain in lower case, own or alias. */
  byName(domain: string): Shop | undefined;
  /** Whoever names a shop and shows no token. */
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

/** What is the same for origins that are the same place: browsers leave default ports out, but others that send one do not. */
function originKey(origin: string): string {
  // No name of a host is longer.
  if (origin.length > 300) return origin;
  const written = origin.trim().toLowerCase();
  const bare = /[^/]\/$|:\/\/\/$/.test(written) ? written.slice(0, -1) : written;
  const [, scheme, rest] = DEFAULT_PORT.exec(bare) ?? [];
  const key = scheme === undefined ? bare : `${scheme}:${rest}`;
  // A visitor may write the dot that every name ends in.
  return key.replace(/^(https?:.*[^./])\.(?=$|:\d+$)/, '$1');
}

const digestOf = (token: string): string =>
  token.startsWith('sha256:') ? token.slice(7).toLowerCase() : sha256(token);

const sha256 = (text: string): string => hash('sha256', text, 'hex');
