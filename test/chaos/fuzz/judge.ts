import type { Balance } from '../../../schemas/admin-api/balance.ts';
import { exactly, type Finding, none } from '../findings.ts';
import { countOf, type Seen } from '../raw.ts';
import type { FuzzRequest } from './request.ts';

/** What a gateway counted, over all its shops. */
export interface Counted {
  readonly received: number;
  readonly appended: number;
  readonly duplicate: number;
  readonly quarantined: number;
}

export function countedIn({ shops }: Balance): Counted {
  const sum = (of: (shop: Balance['shops'][number]) => number) => shops.reduce((total, shop) => total + of(shop), 0);
  return {
    received: sum(({ received }) => received),
    appended: sum(({ appended }) => appended),
    duplicate: sum(({ duplicate }) => duplicate),
    quarantined: sum(({ quarantined }) => Object.values(quarantined).reduce((total, count) => total + count, 0)),
  };
}

/** What answers said, against what is on the shelves in the end. */
export interface FuzzJudge {
  saw(request: FuzzRequest, seen: Seen): void;
  /** An event that a destination has. */
  arrived(id: string, shop: string): void;
  /** Ends a round: every event that an answer promised must have arrived by now, once. */
  endRound(): void;
  readonly statuses: ReadonlyMap<string, number>;
  findings(counted: Counted): Finding[];
}

export function fuzzJudge(): FuzzJudge {
  const statuses = new Map<string, number>();
  const told = { accepted: 0, duplicate: 0, rejected: 0, untold: 0 };
  const faults = { server: [], unanswered: [], silent: [], split: [], missing: [], twice: [] } as Record<
    'server' | 'unanswered' | 'silent' | 'split' | 'missing' | 'twice',
    string[]
  >;
  let promised = new Map<string, number>();
  let came = new Map<string, Set<string>>();
  let archived = 0;

  const answered = (request: FuzzRequest, { status, head, body, surplus }: Seen & { kind: 'answered' }) => {
    if (status >= 500) faults.server.push(named(request, `${status} ${body.slice(0, 200)}`));
    if (request.whole && surplus > 0) faults.split.push(named(request, `${surplus} bytes behind the answer ${status}`));
    told.accepted += countOf(head, 'Accepted');
    told.duplicate += countOf(head, 'Duplicate');
    told.rejected += countOf(head, 'Rejected');
    // A refusal that does not say its counts comes from the parser, and something before it may have been taken.
    if (!request.whole && !head.includes('X-Events-')) told.untold += request.most;
    for (const id of acceptedIn(body)) promised.set(id, request.n);
  };

  return {
    statuses,
    saw(request, seen) {
      const what = seen.kind === 'answered' ? String(seen.status) : seen.kind;
      statuses.set(what, (statuses.get(what) ?? 0) + 1);
      if (seen.kind === 'answered') return answered(request, seen);
      told.untold += request.most;
      if (seen.kind === 'silent') faults.silent.push(named(request, 'no answer and no end'));
      else if (request.whole) faults.unanswered.push(named(request, 'the connection ended'));
    },
    arrived(id, shop) {
      archived += 1;
      const shops = came.get(id) ?? new Set();
      if (shops.has(shop)) faults.twice.push(`${id} of ${shop}`);
      came.set(id, shops.add(shop));
    },
    endRound() {
      for (const [id, n] of promised) if (!came.has(id)) faults.missing.push(`${id} of request ${n}`);
      promised = new Map();
      came = new Map();
    },
    findings: ({ received, appended, duplicate, quarantined }) => [
      none('FAULT', 'answers of 500 and more', faults.server),
      none('UNANSWERED', 'whole requests whose connection ended without an answer', faults.unanswered),
      none('SILENT', 'requests with neither an answer nor an end within 20 s', faults.silent),
      none('SPLIT', 'whole requests with more than one answer', faults.split),
      none('LOST', 'events that an answer promised and that are not in the archive', faults.missing),
      none('TWICE', 'events that are in the archive of a shop more than once', faults.twice),
      exactly(
        'BOOKS',
        'received, less appended, duplicate and quarantined',
        received - appended - duplicate - quarantined,
        0,
      ),
      exactly('ARCHIVED', 'events in the archive', archived, appended),
      ...[
        between('ACCEPTED', appended, told.accepted, told.untold),
        between('DUPLICATE', duplicate, told.duplicate, told.untold),
        between('REJECTED', quarantined, told.rejected, told.untold),
      ],
    ],
  };
}

/** A shop may repeat an id of another, so where both say it the count tells nothing: ids here are each of one request. */
function acceptedIn(body: string): string[] {
  if (!body.startsWith('{"events":[')) return [];
  const { events } = JSON.parse(body) as { events: { event_id?: string; verdict: string }[] };
  return events.flatMap(({ event_id, verdict }) =>
    verdict === 'accepted' && event_id !== undefined ? [event_id] : [],
  );
}

const named = ({ n }: FuzzRequest, what: string): string => `request ${n}: ${what}`;

/** What was counted is at least what was told, and at most that and what nobody was told of. */
const between = (name: string, counted: number, told: number, untold: number): Finding => ({
  name,
  meaning: `events counted so, where answers told of ${told} and up to ${untold} were in requests that nobody was told of`,
  count: counted,
  passed: counted >= told && counted <= told + untold,
  examples: [],
});
