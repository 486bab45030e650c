import { setImmediate as nextTurn } from 'node:timers/promises';
import { RequestRefused, type Rules } from '../../adapters/dialects/dialect.ts';
import { type LogRecord, READ_BYTES } from '../../adapters/logs/log.ts';
import type { Quarantined, QuarantinedHead } from '../../adapters/logs/state/quarantine.ts';
import type { Shop } from '../ingest/shops.ts';
import { type Step, whenAvailable } from './jobs.ts';
import type { OperatorTools } from './operator.ts';

/** Events that are read again, or discarded, in one commit. */
export const CHANGED_AT_ONCE = 100;
/** Bodies that are read again in one turn of the event loop. */
const TURN_BYTES = 128 * 1024;

/** Reads quarantined events by today's rules and stores those that are accepted whole. Gives how many had which result. */
export async function redriven(tools: OperatorTools, heads: readonly QuarantinedHead[]): Promise<Step['counts']> {
  const { store } = tools;
  const counts = { accepted: 0, duplicate: 0, refused: 0 };
  const appends: Promise<void>[] = [];
  let read = 0;
  for (const { shop, id, bytes } of heads) {
    read += bytes;
    if (read > TURN_BYTES) {
      read = bytes;
      await nextTurn();
    }
    const item = await whenAvailable(tools, () => store.state.quarantine.at(shop, id));
    const record = item && readAgain(tools, item);
    if (record === undefined) {
      counts.refused += item ? 1 : 0;
      continue;
    }
    // Not awaited, so that appends share a commit. An append that was stored without an answer is not stored twice by a retry: the event has
    // left the quarantine.
    const stored = whenAvailable(tools, () => store.log.append(record)).then((verdicts) => {
      for (const { kind } of verdicts) counts[kind === 'stored' ? 'accepted' : 'duplicate'] += 1;
    });
    appends.push(stored);
  }
  const failed = (await Promise.allSettled(appends)).find((one) => one.status === 'rejected');
  if (failed) throw failed.reason;
  return counts;
}

/** Heads in sets, bounded in number and in bytes of their events. */
export function* inSets(heads: readonly QuarantinedHead[]): Generator<readonly QuarantinedHead[]> {
  let set: QuarantinedHead[] = [];
  let bytes = 0;
  for (const head of heads) {
    set.push(head);
    bytes += head.bytes;
    if (set.length < CHANGED_AT_ONCE && bytes < READ_BYTES) continue;
    yield set;
    [set, bytes] = [[], 0];
  }
  if (set.length > 0) yield set;
}

/** The record of an event that today's rules accept; undefined if any of it would be refused again. */
function readAgain(
  tools: OperatorTools,
  { id, code, dialect: name, raw, index, context }: Quarantined,
): LogRecord | undefined {
  const dialect = tools.dialects.find((one) => one.name === name);
  const shop = tools.shops().byName(context.shop);
  if (dialect === undefined || shop === undefined) return undefined;
  const body = index === undefined ? raw : dialect.single(raw);
  try {
    const { events, refused } = dialect.read(body, rulesOf(tools, shop, context.receivedAt));
    if (refused.length > 0 || events.length === 0) return undefined;
    return { dialect: name, context, body: Buffer.from(body), events, refused: [], released: [{ id, code }] };
  } catch (error) {
    if (error instanceof RequestRefused) return undefined;
    throw error;
  }
}

const rulesOf = ({ limits }: OperatorTools, { config, names, customEvents }: Shop, receivedAt: number): Rules => ({
  shop: config.shop,
  names,
  shopNamed: true,
  customEvents,
  limits,
  receivedAt,
});
