import type { Balance } from '../../../schemas/admin-api/balance.ts';
import { isAnswer, judgeTold } from '../answers.ts';
import { type Arrived, type Audit, shops } from '../audit.ts';
import { booksAgree } from '../database/books.ts';
import { idOf, isCart } from '../events.ts';
import { type Finding, none } from '../findings.ts';
import { judge } from '../judge.ts';
import { type Entry, ledgerOf, linesOf } from '../ledger.ts';
import { destinationOf, type Target } from '../targets.ts';
import type { Point } from './point.ts';

export interface Deaths {
  readonly met: readonly string[];
  /** Points that the gateway never came to. */
  readonly missed: readonly string[];
}

/** A pipeline of one lane has at most this many events under way, and a death repeats them. */
const REPEATS = 400;
/** The place in the first lane of the event that the carts' destination rejects. */
export const MARKED = 3;
const REPLAY = /^(\w+-r\d+)_/;

/** What became of every event. A replay is a destination of its own, to which everything of the shop must come once more. */
export function verdictOf(
  audit: Audit,
  targets: readonly Target[],
  balance: Balance,
  deaths: Deaths,
  stage: Point['stage'],
): Finding[] {
  const entries = linesOf<Entry>(audit.ledger);
  const { sent, acked, refused } = ledgerOf(audit.run, entries);
  const received = audit.arrivals().map(byReplay);
  const replay = { shop: shops[1].shop, destination: destinationOf({ shop: shops[1].shop, pipeline: 'hook-r1' }) };
  const routes = targets.map((target) => ({ shop: target.shop, destination: destinationOf(target) }));
  const carts = targets.flatMap((target) => (target.rules === undefined ? [] : [destinationOf(target)]));
  const marked = idOf(audit.run, 'lane0', MARKED);
  // What was trimmed is not known any more when its client sends it again; a log that is restored is delivered from where its mark was.
  const forgets = stage === 'trim' || stage === 'restore';
  const repeats = stage === 'restore' ? received.length : deaths.met.length * REPEATS;
  const { findings } = judge({
    routes: deaths.met.some((name) => name.startsWith('replay')) ? [...routes, replay] : routes,
    sent,
    acked,
    refused,
    received,
    unreadable: audit.unreadable(),
    // It takes carts alone, and has put the marked one among the dead letters.
    excused: (destination, id) => carts.includes(destination) && (!isCart(id) || id === marked),
    allowedDuplicates: repeats,
    ...(forgets && { allowedRenamed: repeats }),
  });
  const whole = targets.filter(({ rules }) => rules === undefined);
  return [
    ...findings,
    ...judgeTold(entries.filter(isAnswer)),
    forgets ? balanced(balance) : booksAgree(balance, received, whole),
  ];
}

/** Where an event may be on the log twice, the sinks cannot say how many there are. */
const balanced = (balance: Balance): Finding =>
  none('BALANCE', 'books that do not balance', balance.balanced ? [] : [JSON.stringify(balance)]);

function byReplay(arrived: Arrived): Arrived {
  const [, pipeline] = REPLAY.exec(arrived.delivery?.id ?? '') ?? [];
  const [shop = ''] = arrived.destination.split('/');
  return pipeline === undefined ? arrived : { ...arrived, destination: destinationOf({ shop, pipeline }) };
}
