import { hash } from 'node:crypto';
import { BadOrder } from '../base/errors.ts';

/*
 * A log numbers the quarantined events of each shop. Operators and the admin API use an id that is unique over all shops: the number in
 * base 36 and part of a hash of the shop's domain, such as `mbcd3k2q-9f3c2a1b04`. The ids of one shop sort by arrival.
 */

const ID = /^([0-9a-z]{1,10})-([0-9a-f]{10})$/;
const NUMBER = /^[1-9]\d{0,14}$/;

const tags = new Map<string, string>();

/** Cached: few shops, and many ids of each. */
function tagOf(shop: string): string {
  const tag = tags.get(shop) ?? hash('sha256', shop).slice(0, 10);
  tags.set(shop, tag);
  return tag;
}

export const idOf = ({ shop, id }: { readonly shop: string; readonly id: string }): string =>
  `${Number(id).toString(36)}-${tagOf(shop)}`;

/**
 * The shop and the log's number that an id stands for; undefined if no shop has it. A bare number, as in earlier versions, may be of any
 * shop: `has` says whether a shop has it. Throws BadOrder if several shops have it.
 */
export async function named(
  id: string,
  shops: readonly string[],
  has: (shop: string, number: string) => Promise<boolean>,
): Promise<{ readonly shop: string; readonly number: string } | undefined> {
  const [, digits = '', tag] = ID.exec(id) ?? [];
  if (tag !== undefined) {
    const shop = shops.find((one) => tagOf(one) === tag);
    return shop === undefined ? undefined : { shop, number: String(Number.parseInt(digits, 36)) };
  }
  if (!NUMBER.test(id)) return undefined;
  const found: string[] = [];
  for (const shop of shops) if (shops.length === 1 || (await has(shop, id))) found.push(shop);
  const [shop, other] = found;
  if (other !== undefined)
    throw new BadOrder(
      `id must name one event, got ${id}, which ${found.length} shops have (${shop}, ${other}${found.length > 2 ? ' …' : ''}); give the shop too (--shop), or the whole id`,
    );
  return shop === undefined ? undefined : { shop, number: id };
}
