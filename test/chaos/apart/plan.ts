import { type Draw, drawFrom } from '../fuzz/mutate.ts';
import { seeded } from '../random.ts';

/** A request that names shops in up to four places, each drawn by itself, with ids that all shops share. */
export interface Mixed {
  readonly bytes: Buffer;
  /** The shop that the token belongs to. */
  readonly shop: number;
  /** What the contract says to it. */
  readonly status: number;
  readonly ids: readonly string[];
}

export const domainOf = (shop: number): string => `shop-${shop}.myshopify.com`;
export const tokenOf = (shop: number): string => `token-of-shop-${shop}`;

export interface Plan {
  readonly shops: number;
  /** Ids are drawn from this many, so that each comes up in several shops, and in one shop again. */
  readonly ids: number;
  /** Begins every id: a round's ids are of that round. */
  readonly round: string;
}

/** The requests of one lane of a round, always the same for the same seed. */
export function* mixedRequests(seed: number, plan: Plan): Generator<Mixed> {
  const draw = drawFrom(seeded(seed));
  for (;;) yield draw.happens(0.6) ? layers(draw, plan) : glood(draw, plan);
}

const idOf = (draw: Draw, { ids, round }: Plan): string => `${round}-${draw.below(ids)}`;

/** Layers has one place for a shop, the token, and says nothing of those in its events. */
function layers(draw: Draw, plan: Plan): Mixed {
  const [shop, other] = [draw.below(plan.shops), draw.below(plan.shops)];
  const ids = Array.from({ length: 1 + draw.below(10) }, () => idOf(draw, plan));
  const events = ids.map(
    (id) =>
      `{"event_id":"${id}","event_type":"search","timestamp":"2026-06-01T12:00:00Z","session_id":"s","query":"${shop}","shop":"${domainOf(other)}"}`,
  );
  const body = `{"shop":"${domainOf(other)}","events":[${events.join()}]}`;
  // What stands in the header counts, whatever the query says.
  const path = draw.happens(0.2) ? `/beacon?token=${tokenOf(other)}` : '/beacon';
  if (draw.happens(0.05)) {
    const bytes = post(path, ['X-Storefront-Access-Token: token-of-nobody', `X-Shop: ${domainOf(shop)}`], body);
    return { bytes, shop, status: 401, ids };
  }
  const headers = [`X-Storefront-Access-Token: ${tokenOf(shop)}`, `X-Shop: ${domainOf(other)}`];
  return { bytes: post(path, headers, body), shop, status: 201, ids };
}

/** Glood has three: the token, a header and the body. */
function glood(draw: Draw, plan: Plan): Mixed {
  const shop = draw.below(plan.shops);
  const named = (): number | undefined =>
    draw.happens(0.75) ? shop : draw.happens(0.5) ? draw.below(plan.shops) : undefined;
  const [header, domain] = [named(), named()];
  const id = idOf(draw, plan);
  const names =
    domain === undefined
      ? ''
      : `,"shop_domain":"${draw.happens(0.5) ? 'https://' : ''}${domainOf(domain).toUpperCase()}"`;
  const body = `{"event":{"id":"${id}","name":"search_submitted","data":{"searchResult":{"query":"${shop}"}}},"session_id":"s"${names}}`;
  const known = !draw.happens(0.05);
  const bytes = post(
    '/api/storefront/v3/headless/events',
    [
      `Authorization: Bearer ${known ? tokenOf(shop) : 'token-of-nobody'}`,
      ...(header === undefined ? [] : [`X-Shop: ${domainOf(header)}`]),
    ],
    body,
  );
  const status = !known ? 401 : statusOf(shop, header, domain);
  return { bytes, shop, status, ids: [id] };
}

function statusOf(shop: number, header: number | undefined, domain: number | undefined): number {
  if ((header ?? shop) !== shop || (domain ?? shop) !== shop) return 403;
  return header === undefined && domain === undefined ? 400 : 200;
}

function post(path: string, headers: readonly string[], body: string): Buffer {
  const head = [`POST ${path} HTTP/1.1`, 'Host: x', 'Content-Type: application/json', ...headers];
  return Buffer.from(`${head.join('\r\n')}\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
}
