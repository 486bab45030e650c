import { createHash } from 'node:crypto';
import { field, items } from '../../base/unknown-values.ts';
import { type Mistake, type Path, pathText } from './schema.ts';

/** A name that only one place may hold. */
interface Claim {
  readonly path: Path;
  /** Two places may not have the same key. */
  readonly key: string;
  /** For the message: "the same token as …". */
  readonly what: string;
}

/**
 * Names that two places of a configuration have: a domain or a token of two shops, a token listed twice, two pipelines of a shop with one
 * id. Accepts a configuration with other mistakes, so that all are reported at once. Never quotes a token.
 */
export function uniquenessMistakes(config: unknown): Mistake[] {
  const first = new Map<string, Claim>();
  return claims(config).flatMap((claim) => {
    const earlier = first.get(claim.key);
    if (earlier === undefined) {
      first.set(claim.key, claim);
      return [];
    }
    const text = `must be unique, got the same ${claim.what} as ${pathText(earlier.path)}${shopOf(config, earlier.path)}`;
    return [{ path: claim.path, text }];
  });
}

function claims(config: unknown): Claim[] {
  return items(field(config, 'shops')).flatMap((shop, index) => {
    const at: Path = ['shops', index];
    return [
      ...domainClaims(shop, at),
      ...tokenClaims(shop, at, 'tokens'),
      ...tokenClaims(shop, at, 'serverTokens'),
      ...pipelineClaims(shop, at),
    ];
  });
}

function domainClaims(shop: unknown, at: Path): Claim[] {
  const own = { path: [...at, 'shop'], name: field(shop, 'shop') };
  const aliases = items(field(shop, 'aliases')).map((name, index) => ({ path: [...at, 'aliases', index], name }));
  return [own, ...aliases].flatMap(({ path, name }) =>
    typeof name === 'string' ? [{ path, key: `domain ${name}`, what: 'domain' }] : [],
  );
}

function tokenClaims(shop: unknown, at: Path, list: string): Claim[] {
  return items(field(shop, list)).flatMap((token, index) =>
    typeof token === 'string' ? [{ path: [...at, list, index], key: `token ${digestOf(token)}`, what: 'token' }] : [],
  );
}

function pipelineClaims(shop: unknown, at: Path): Claim[] {
  return items(field(shop, 'pipelines')).flatMap((pipeline, index) => {
    const id = field(pipeline, 'id');
    if (typeof id !== 'string') return [];
    return [{ path: [...at, 'pipelines', index, 'id'], key: `pipeline ${pathText(at)} ${id}`, what: 'id' }];
  });
}

function shopOf(config: unknown, [, index]: Path): string {
  const name = field(items(field(config, 'shops'))[Number(index)], 'shop');
  return typeof name === 'string' ? ` (${name})` : '';
}

// A token and its digest are the same token, so compare digests.
const digestOf = (token: string): string =>
  token.startsWith('sha256:') ? token.slice(7).toLowerCase() : createHash('sha256').update(token).digest('hex');
