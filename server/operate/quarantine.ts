import { setImmediate as nextTurn } from 'node:timers/promises';
import { RequestRefused, type Rules } from '../../adapters/dialects/dialect.ts';
import { type LogRecord, READ_BYTES } from '../../adapters/logs/log.ts';
import type { Quarantined, QuarantinedHead } from '../../adapters/logs/state.ts';
import type { QuarantinedHeadView, QuarantinedView, QuarantineSelection } from '../../schemas/admin-api/quarantine.ts';
import { NotFound } from '../base/errors.ts';
import type { Shop } from '../ingest/shops.ts';
import { type Step, whenAvailable } from './jobs.ts';
import { quarantinedHeadView, quarantinedView } from './kept-views.ts';
import type { OperatorTools } from './operator.ts';
import { named } from './quarantine-ids.ts';

/** Heads that are read at once: some hundred bytes each. */
const HEADS_AT_ONCE = 200;
/** Events that are read again or let go in one commit. */
const CHANGED_AT_ONCE = 100;
/** Bodies that are read again in one turn. */
const TURN_BYTES = 128 * 1024;

/** The shops that are configured, and those that were and have something on the log; or one of them. */
export async function shopNames(
  { shops, store }: Pick<OperatorTools, 'shops' | 'store'>,
  only: string | undefined,
): Promise<string[]> {
  const names = new Set([...shops().all.map(({ config }) => config.shop), ...(await store.log.shops())]);
  return [...names].filter((shop) => only === undefined || shop === only);
}

export const within = (at: number, { from, to }: { readonly from?: string; readonly to?: string }): boolean =>
  (from === undefined || at >= Date.parse(from)) && (to === undefined || at < Date.parse(to));

/** All quarantined events that fit, shop by shop, from the oldest; without bodies. `key`: the `after` for what follows. */
export async function* quarantinedHeads(
  tools: OperatorTools,
  selection: QuarantineSelection,
  after = '',
): AsyncGenerator<{ readonly key: string; readonly item: QuarantinedHeadView }> {
  for await (const heads of pagesOf(tools, selection, after))
    for (const head of heads)
      if (fits(head, selection)) yield { key: `${head.shop}#${head.id}`, item: quarantinedHeadView(head) };
}

/** The same whole, for an export. One that is gone meanwhile is left out. */
export async function* wholeQuarantined(
  tools: OperatorTools,
  selection: QuarantineSelection,
): AsyncGenerator<QuarantinedView> {
  for await (const heads of pagesOf(tools, selection)) {
    for (const { shop, id } of heads.filter((head) => fits(head, selection))) {
      const whole = await tools.store.state.quarantinedAt(shop, id);
      if (whole) yield quarantinedView(whole);
    }
  }
}

/** One quarantined event whole. Throws NotFound, or BadOrder where the id could be one of several. */
export async function oneQuarantined(tools: OperatorTools, id: string, shop?: string): Promise<QuarantinedView> {
  const found = await resolved(tools, id, shop);
  const whole = found && (await tools.store.state.quarantinedAt(found.shop, found.number));
  if (whole === undefined) throw new NotFound(`there is no quarantined event ${id}`);
  return quarantinedView(whole);
}

/** The quarantined events with an event's id. */
export async function quarantinedAbout({ store }: OperatorTools, shop: string, eventId: string, limit: number) {
  return limit > 0 ? await store.state.quarantinedAbout(shop, eventId, { limit }) : [];
}

/** The shop that a selection is about, if it is one. Throws as `oneQuarantined` does. */
export async function shopOf(tools: OperatorTools, { id, shop }: QuarantineSelection): Promise<string | undefined> {
  return id === undefined ? shop : ((await resolved(tools, id, shop))?.shop ?? shop);
}

/** Lets those that fit go, some in a commit. */
export async function* discarding(tools: OperatorTools, selection: QuarantineSelection): AsyncGenerator<Step> {
  for await (const heads of pagesOf(tools, selection)) {
    const chosen = heads.filter((head) => fits(head, selection));
    let discarded = 0;
    for (let i = 0; i < chosen.length; i += CHANGED_AT_ONCE) {
      const some = chosen.slice(i, i + CHANGED_AT_ONCE);
      const { shop } = some[0] as QuarantinedHead;
      const ids = some.map(({ id }) => id);
      discarded += await whenAvailable(tools, () => tools.store.state.discardQuarantined(shop, ids));
    }
    yield { looked: heads.length, counts: { discarded } };
  }
}

/** Reads those that fit as if they came today, some in a commit; what is accepted keeps its time of receipt and what was found then. */
export async function* redriving(tools: OperatorTools, selection: QuarantineSelection): AsyncGenerator<Step> {
  for await (const heads of pagesOf(tools, selection)) {
    const chosen = heads.filter((head) => fits(head, selection));
    for (const some of inSets(chosen)) yield { looked: 0, counts: await redriven(tools, some) };
    yield { looked: heads.length, counts: {} };
  }
}

async function redriven(tools: OperatorTools, heads: readonly QuarantinedHead[]): Promise<Step['counts']> {
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
    const item = await whenAvailable(tools, () => store.state.quarantinedAt(shop, id));
    const record = item && readAgain(tools, item);
    if (record === undefined) {
      counts.refused += item ? 1 : 0;
      continue;
    }
    // Together, so that they share a commit. What was stored although no answer came is not stored again: it has left quarantine.
    const stored = whenAvailable(tools, () => store.log.append(record)).then((verdicts) => {
      for (const { kind } of verdicts) counts[kind === 'stored' ? 'accepted' : 'duplicate'] += 1;
    });
    appends.push(stored);
  }
  const failed = (await Promise.allSettled(appends)).find((one) => one.status === 'rejected');
  if (failed) throw failed.reason;
  return counts;
}

/** Sets of a bounded number and size. */
function* inSets(heads: readonly QuarantinedHead[]): Generator<readonly QuarantinedHead[]> {
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

/** Heads of what may fit: those of one id where one is given, else all of the shops. Each list is of one shop. */
async function* pagesOf(
  tools: OperatorTools,
  selection: QuarantineSelection,
  after = '',
): AsyncGenerator<QuarantinedHead[]> {
  const { state } = tools.store;
  const { id, event_id: eventId } = selection;
  const [from = '', number = '0'] = after.split('#');
  const found = id === undefined ? undefined : await resolved(tools, id, selection.shop);
  if (id !== undefined && found === undefined) return;
  for (const shop of (await shopNames(tools, found?.shop ?? selection.shop)).sort()) {
    if (shop < from) continue;
    let last = shop === from ? number : '0';
    if (found) {
      const before = String(Number(found.number) - 1);
      const heads = await state.quarantineHeads(shop, { limit: 1, after: before });
      if (heads[0]?.id === found.number && Number(last) < Number(found.number)) yield heads;
      continue;
    }
    for (;;) {
      const page = { limit: HEADS_AT_ONCE, after: last };
      const heads =
        eventId === undefined
          ? await state.quarantineHeads(shop, page)
          : await state.quarantinedAbout(shop, eventId, page);
      if (heads.length > 0) yield heads;
      if (heads.length < HEADS_AT_ONCE) break;
      last = heads.at(-1)?.id ?? last;
      await nextTurn();
    }
  }
}

const resolved = async (tools: OperatorTools, id: string, shop: string | undefined) =>
  named(
    id,
    await shopNames(tools, shop),
    async (one, number) => (await tools.store.state.quarantinedAt(one, number)) !== undefined,
  );

const fits = (head: QuarantinedHead, { event_id: eventId, code, ...times }: QuarantineSelection): boolean =>
  (eventId === undefined || eventId === head.eventId) &&
  (code === undefined || code === head.code) &&
  within(head.at, times);

/** The record of an event that today's rules accept whole; undefined where any of it would be refused again. */
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
