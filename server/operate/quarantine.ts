import { setImmediate as nextTurn } from 'node:timers/promises';
import type { QuarantinedHead } from '../../adapters/logs/state/quarantine.ts';
import type { QuarantinedHeadView, QuarantinedView, QuarantineSelection } from '../../schemas/admin-api/quarantine.ts';
import { NotFound } from '../base/errors.ts';
import { type OperatorJobs, type Order, type Step, whenAvailable } from './jobs.ts';
import { quarantinedHeadView, quarantinedView } from './kept-views.ts';
import type { Operations } from './operations.ts';
import type { OperatorTools } from './operator.ts';
import { pageOf } from './pages.ts';
import { named } from './quarantine-ids.ts';
import { CHANGED_AT_ONCE, inSets, redriven } from './quarantine-redrive.ts';
import { shopNames, within } from './shops-and-times.ts';

/** Heads read at once: some hundred bytes each. */
const HEADS_AT_ONCE = 200;

type QuarantineOperations = Pick<
  Operations,
  'quarantine' | 'oneQuarantined' | 'allQuarantined' | 'redriveQuarantine' | 'discardQuarantine'
>;

/** What an operator can ask and order about quarantined events. */
export function quarantineOperations(tools: OperatorTools, jobs: OperatorJobs): QuarantineOperations {
  const order = async (kind: Order['kind'], selection: QuarantineSelection, counts: string[]): Promise<Order> => ({
    of: 'quarantine',
    kind,
    shop: await shopOf(tools, selection),
    selection: { ...selection },
    counts,
  });
  return {
    quarantine: (selection, page) => pageOf(quarantinedHeads(tools, selection, page.after), page),
    oneQuarantined: (id, shop) => oneQuarantined(tools, id, shop),
    allQuarantined: (selection) => wholeQuarantined(tools, selection),
    redriveQuarantine: async (selection) =>
      jobs.order(await order('redrive', selection, ['accepted', 'duplicate', 'refused']), () =>
        redriving(tools, selection),
      ),
    discardQuarantine: async (selection) =>
      jobs.order(await order('discard', selection, ['discarded']), () => discarding(tools, selection)),
  };
}

/** The selected events without bodies, shop by shop, oldest first. `key`: the `after` of the next page. */
async function* quarantinedHeads(
  tools: OperatorTools,
  selection: QuarantineSelection,
  after = '',
): AsyncGenerator<{ readonly key: string; readonly item: QuarantinedHeadView }> {
  for await (const heads of pagesOf(tools, selection, after))
    for (const head of heads)
      if (fits(head, selection)) yield { key: `${head.shop}#${head.id}`, item: quarantinedHeadView(head) };
}

/** The selected events with bodies, for an export. One that is gone in between is left out. */
async function* wholeQuarantined(
  tools: OperatorTools,
  selection: QuarantineSelection,
): AsyncGenerator<QuarantinedView> {
  for await (const heads of pagesOf(tools, selection)) {
    for (const { shop, id } of heads.filter((head) => fits(head, selection))) {
      const whole = await tools.store.state.quarantine.at(shop, id);
      if (whole) yield quarantinedView(whole);
    }
  }
}

/** One quarantined event with its body. Throws NotFound, or BadOrder if the id is not unique. */
async function oneQuarantined(tools: OperatorTools, id: string, shop?: string): Promise<QuarantinedView> {
  const found = await resolved(tools, id, shop);
  const whole = found && (await tools.store.state.quarantine.at(found.shop, found.number));
  if (whole === undefined) throw new NotFound(`there is no quarantined event ${id}`);
  return quarantinedView(whole);
}

/** Quarantined events that have this event id. */
export async function quarantinedAbout({ store }: OperatorTools, shop: string, eventId: string, limit: number) {
  return limit > 0 ? await store.state.quarantine.about(shop, eventId, { limit }) : [];
}

/** The one shop that a selection is about, if it is about one. Throws BadOrder if its id is not unique. */
async function shopOf(tools: OperatorTools, { id, shop }: QuarantineSelection): Promise<string | undefined> {
  return id === undefined ? shop : ((await resolved(tools, id, shop))?.shop ?? shop);
}

/** Discards the selected events, some in each commit. */
async function* discarding(tools: OperatorTools, selection: QuarantineSelection): AsyncGenerator<Step> {
  for await (const heads of pagesOf(tools, selection)) {
    const chosen = heads.filter((head) => fits(head, selection));
    let discarded = 0;
    for (let i = 0; i < chosen.length; i += CHANGED_AT_ONCE) {
      const some = chosen.slice(i, i + CHANGED_AT_ONCE);
      const { shop } = some[0] as QuarantinedHead;
      const ids = some.map(({ id }) => id);
      discarded += await whenAvailable(tools, () => tools.store.state.quarantine.discard(shop, ids));
    }
    yield { looked: heads.length, counts: { discarded } };
  }
}

/** Reads the selected events by today's rules, some in each commit. An accepted one keeps its time of receipt and its enrichment. */
async function* redriving(tools: OperatorTools, selection: QuarantineSelection): AsyncGenerator<Step> {
  for await (const heads of pagesOf(tools, selection)) {
    const chosen = heads.filter((head) => fits(head, selection));
    for (const some of inSets(chosen)) yield { looked: 0, counts: await redriven(tools, some) };
    yield { looked: heads.length, counts: {} };
  }
}

/** Heads of events that may be selected, in lists of one shop each: the one with the given id, or else all. */
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
      const heads = await state.quarantine.heads(shop, { limit: 1, after: before });
      if (heads[0]?.id === found.number && Number(last) < Number(found.number)) yield heads;
      continue;
    }
    for (;;) {
      const page = { limit: HEADS_AT_ONCE, after: last };
      const heads =
        eventId === undefined
          ? await state.quarantine.heads(shop, page)
          : await state.quarantine.about(shop, eventId, page);
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
    async (one, number) => (await tools.store.state.quarantine.at(one, number)) !== undefined,
  );

const fits = (head: QuarantinedHead, { event_id: eventId, code, ...times }: QuarantineSelection): boolean =>
  (eventId === undefined || eventId === head.eventId) &&
  (code === undefined || code === head.code) &&
  within(head.at, times);
