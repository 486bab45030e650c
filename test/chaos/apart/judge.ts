import { atLeast, exactly, type Finding, none } from '../findings.ts';
import type { Counted } from '../fuzz/judge.ts';
import { countOf, type Seen } from '../raw.ts';
import { domainOf, type Mixed } from './plan.ts';

/** An event as a shop's own file has it. */
export interface Shelved {
  readonly event_id: string;
  readonly shop: string;
  /** The shop whose token brought it, as its body says. */
  readonly query?: string;
}

/**
 * Judges round by round: what is held is the ids of one round, by shop. An id that several shops sent must be at each of them once, and
 * at no other.
 */
export interface ApartJudge {
  saw(request: Mixed, seen: Seen): void;
  /** An event in the folder of a shop. */
  arrived(event: Shelved, folder: string): void;
  endRound(): void;
  findings(counted: Counted): Finding[];
}

export function apartJudge(): ApartJudge {
  const faults: Record<'wrong' | 'crossed' | 'suppressed' | 'refused' | 'twice', string[]> = {
    wrong: [],
    crossed: [],
    suppressed: [],
    refused: [],
    twice: [],
  };
  const told = { requests: 0, accepted: 0, duplicate: 0, refusals: 0, shared: 0, shelved: 0 };
  // By shop, each id that was accepted: whether it has arrived.
  let accepted = new Map<string, Map<string, boolean>>();

  return {
    saw(request, seen) {
      told.requests += 1;
      const status = seen.kind === 'answered' ? seen.status : seen.kind;
      if (status !== request.status)
        faults.wrong.push(`expected ${request.status}, got ${status}: ${request.bytes.toString().slice(0, 400)}`);
      if (seen.kind !== 'answered') return;
      if (seen.status === 403 && /shop-\d/.test(seen.body)) faults.wrong.push(`a refusal names a shop: ${seen.body}`);
      told.accepted += countOf(seen.head, 'Accepted');
      told.duplicate += countOf(seen.head, 'Duplicate');
      if (seen.status >= 300) told.refusals += 1;
      if (seen.status >= 300) return;
      const shop = domainOf(request.shop);
      const ids = accepted.get(shop) ?? new Map<string, boolean>();
      for (const id of request.ids) ids.set(id, ids.get(id) ?? false);
      accepted.set(shop, ids);
    },
    arrived({ event_id: id, shop, query }, folder) {
      told.shelved += 1;
      if (shop !== folder || (query !== undefined && domainOf(Number(query)) !== folder))
        faults.crossed.push(`${id} of ${shop}, sent by shop ${query}, lies at ${folder}`);
      const ids = accepted.get(folder);
      const here = ids?.get(id);
      if (here === undefined) faults.refused.push(`${id} at ${folder}`);
      else if (here) faults.twice.push(`${id} at ${folder}`);
      ids?.set(id, true);
    },
    endRound() {
      const shops = new Map<string, number>();
      for (const [shop, ids] of accepted)
        for (const [id, here] of ids) {
          shops.set(id, (shops.get(id) ?? 0) + 1);
          if (!here) faults.suppressed.push(`${id} of ${shop}`);
        }
      for (const count of shops.values()) if (count > 1) told.shared += 1;
      accepted = new Map();
    },
    findings: ({ received, appended, duplicate, quarantined }) => [
      none('CROSSED', 'events that lie at another shop than that of their token', faults.crossed),
      none(
        'SUPPRESSED',
        'events that an answer called accepted, or known, and that their shop does not have',
        faults.suppressed,
      ),
      none('REFUSED', 'events at a shop where none was accepted', faults.refused),
      none('TWICE', 'events that a shop has twice', faults.twice),
      none('WRONG', `of ${told.requests} requests, answers other than the contract’s`, faults.wrong),
      exactly(
        'ACCEPTED',
        'events that answers called accepted, and that are in the files',
        told.shelved,
        told.accepted,
      ),
      exactly('APPENDED', 'the same as the gateway counts them', appended, told.accepted),
      exactly('DUPLICATE', 'repetitions as the gateway counts them', duplicate, told.duplicate),
      exactly(
        'BOOKS',
        'received, less appended, duplicate and quarantined',
        received - appended - duplicate - quarantined,
        0,
      ),
      atLeast('MET', 'ids that several shops had', told.shared, told.requests / 100),
      atLeast('MET', 'requests that were refused', told.refusals, told.requests * 0.1),
    ],
  };
}
