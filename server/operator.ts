import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Dialect, RequestRefused, type Rules } from '../adapters/dialects/dialect.ts';
import type { LogRecord } from '../adapters/logs/log.ts';
import type { DeadLetter, PipelineId, Quarantined } from '../adapters/logs/state.ts';
import type { Store } from '../adapters/logs/store.ts';
import { balanceOf } from './balance.ts';
import {
  type DeadSelection,
  type DeadView,
  NotFound,
  type Operations,
  type PageOf,
  type PageRequest,
  type PipelineRef,
  type PipelineReport,
  type QuarantineRedrive,
  type QuarantineSelection,
  type Receipt,
} from './operations.ts';
import type { Pipelines, Running } from './pipelines.ts';
import { quarantineReceipt, receiptOf } from './receipts.ts';
import type { Replays } from './replays.ts';
import type { Shop, Shops } from './shops.ts';
import type { Tail } from './tail.ts';

export interface OperatorTools {
  readonly store: Store;
  readonly dialects: readonly Dialect[];
  readonly shops: () => Shops;
  readonly pipelines: Pipelines;
  readonly replays: Replays;
  readonly tail: Tail;
  readonly limits: Rules['limits'];
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

// What was refused may be as large as a body: so many of the largest are read within some tens of milliseconds.
const PAGE = 50;
/** Letters that are changed in one commit. */
const CHANGED_AT_ONCE = 500;

/** Everything an operator can ask and order, on this gateway's own log and pipelines. */
export function createOperations(tools: OperatorTools): Operations {
  const { store, pipelines, replays, tail, shops } = tools;
  return {
    receipts: (eventId, shop) => receipts(tools, eventId, shop),
    pipelines: async () => (await pipelines.running()).map(report),
    suspend: async (ref, reason) =>
      found(pipelines.find(ref) && (await store.state.suspend(ref, { reason, at: tools.now() })), ref),
    resume: async (ref) => found(pipelines.find(ref) ? await store.state.resume(ref) : await replays.revive(ref), ref),
    dead: (selection, page) => deadPage(tools, selection, page),
    redriveDead: (selection) =>
      eachDead(tools, selection, async (id, all) => {
        for (const positions of inPieces(all)) {
          await store.state.redrive(id, positions);
        }
        if (!pipelines.find(id)) await replays.revive(id);
      }),
    discardDead: (selection) =>
      eachDead(tools, selection, async (id, all) => {
        for (const positions of inPieces(all)) await store.state.discardDead(id, positions, tools.now());
      }),
    quarantine: (selection, page) => quarantinePage(tools, selection, page),
    redriveQuarantine: (selection) => redriveQuarantine(tools, selection),
    discardQuarantine: (selection) => discardQuarantine(tools, selection),
    planReplay: (order) => replays.plan(order),
    startReplay: (order) => replays.start(order),
    replays: () => replays.jobs(),
    cancelReplay: (id) => replays.cancel(id),
    balance: async () =>
      balanceOf(
        store.log,
        shops().all.map(({ config }) => config.shop),
        await pipelines.running(),
      ),
    tail: (filter, signal) => tail.lines(filter, signal),
  };
}

function found(done: boolean | undefined, { shop, pipeline }: PipelineRef): void {
  if (!done) throw new NotFound(`no pipeline ${pipeline} in the shop ${shop}`);
}

async function receipts(tools: OperatorTools, eventId: string, only: string | undefined): Promise<Receipt[]> {
  const { store, pipelines } = tools;
  const running = await pipelines.running();
  const all: Receipt[] = [];
  for (const shop of shopNames(tools, only)) {
    const stored = await store.log.find(shop, eventId);
    if (stored) all.push(await receiptOf(store, stored, running));
    for await (const item of quarantined(tools, { shop, eventId })) all.push(quarantineReceipt(item));
  }
  return all;
}

const shopNames = ({ shops }: OperatorTools, only: string | undefined): string[] =>
  shops()
    .all.map(({ config }) => config.shop)
    .filter((shop) => only === undefined || shop === only);

function report({ id, destination, phase, progress, pending }: Running): PipelineReport {
  const { position, delivered, dead, filtered, dropped } = progress;
  return {
    ...id,
    destination,
    phase: phase.kind,
    ...('reason' in phase && { reason: phase.reason }),
    ...('nextAttemptAt' in phase && { nextAttemptAt: new Date(phase.nextAttemptAt).toISOString() }),
    position,
    pending,
    delivered,
    dead,
    filtered,
    dropped,
  };
}

/** All dead letters that fit, pipeline by pipeline, from the oldest. */
async function* deadLetters(
  { store, pipelines, replays }: OperatorTools,
  selection: DeadSelection,
  after = '',
): AsyncGenerator<DeadView & { key: string }> {
  const [from = '', position = '0'] = after.split('#');
  const ids = [...(await pipelines.running()).map(({ id }) => id), ...(await replays.ids())].sort((a, b) =>
    keyOf(a).localeCompare(keyOf(b)),
  );
  for (const id of ids) {
    if (selection.shop && selection.shop !== id.shop) continue;
    if (selection.pipeline && selection.pipeline !== id.pipeline) continue;
    if (keyOf(id).localeCompare(from) < 0) continue;
    let last = keyOf(id) === from ? position : '0';
    for (;;) {
      const page = await store.state.dead(id, { limit: PAGE, after: last });
      for (const letter of page)
        if (fitsDead(letter, selection)) yield { ...id, ...letter, key: `${keyOf(id)}#${letter.position}` };
      if (page.length < PAGE) break;
      last = String(page.at(-1)?.position);
      await nextTurn();
    }
  }
}

const keyOf = ({ shop, pipeline }: PipelineId): string => `${shop}/${pipeline}`;

const within = (at: number, { from, to }: { readonly from?: string; readonly to?: string }): boolean =>
  (from === undefined || at >= Date.parse(from)) && (to === undefined || at < Date.parse(to));

const fitsDead = ({ event, reason, at }: DeadLetter, selection: DeadSelection): boolean =>
  (selection.eventId === undefined || selection.eventId === event.event_id) &&
  (selection.reason === undefined || reason.includes(selection.reason)) &&
  within(at, selection);

async function deadPage(
  tools: OperatorTools,
  selection: DeadSelection,
  { limit, after }: PageRequest,
): Promise<PageOf<DeadView>> {
  const items: (DeadView & { key: string })[] = [];
  for await (const letter of deadLetters(tools, selection, after)) {
    items.push(letter);
    if (items.length > limit) break;
  }
  const page = items.slice(0, limit);
  const next = items.length > limit ? page.at(-1)?.key : undefined;
  return { items: page.map(({ key: _, ...letter }) => letter), ...(next !== undefined && { next }) };
}

async function eachDead(
  tools: OperatorTools,
  selection: DeadSelection,
  act: (id: PipelineId, positions: readonly number[]) => Promise<void>,
): Promise<number> {
  const byPipeline = new Map<string, { readonly id: PipelineId; readonly positions: number[] }>();
  let count = 0;
  for await (const { shop, pipeline, position } of deadLetters(tools, selection)) {
    const id = { shop, pipeline };
    const entry = byPipeline.get(keyOf(id)) ?? { id, positions: [] };
    entry.positions.push(position);
    byPipeline.set(keyOf(id), entry);
    count += 1;
  }
  for (const { id, positions } of byPipeline.values()) await act(id, positions);
  return count;
}

function* inPieces(positions: readonly number[]): Generator<readonly number[]> {
  for (let i = 0; i < positions.length; i += CHANGED_AT_ONCE) yield positions.slice(i, i + CHANGED_AT_ONCE);
}

async function* quarantined(
  tools: OperatorTools,
  selection: QuarantineSelection,
  after = '',
): AsyncGenerator<Quarantined> {
  const [from = '', number = '0'] = after.split('#');
  for (const shop of shopNames(tools, selection.shop).sort()) {
    if (shop < from) continue;
    let last = shop === from ? number : '0';
    for (;;) {
      const page = await tools.store.state.quarantined(shop, { limit: PAGE, after: last });
      for (const item of page) if (fitsQuarantine(item, selection)) yield item;
      if (page.length < PAGE) break;
      last = page.at(-1)?.id ?? last;
      await nextTurn();
    }
  }
}

const fitsQuarantine = (item: Quarantined, { id, eventId, code, ...times }: QuarantineSelection): boolean =>
  (id === undefined || id === item.id) &&
  (eventId === undefined || eventId === item.eventId) &&
  (code === undefined || code === item.code) &&
  within(item.at, times);

async function quarantinePage(
  tools: OperatorTools,
  selection: QuarantineSelection,
  { limit, after }: PageRequest,
): Promise<PageOf<Quarantined>> {
  const items: Quarantined[] = [];
  for await (const item of quarantined(tools, selection, after)) {
    items.push(item);
    if (items.length > limit) break;
  }
  const page = items.slice(0, limit);
  const last = page.at(-1);
  return { items: page, ...(items.length > limit && last && { next: `${last.shop}#${last.id}` }) };
}

async function discardQuarantine(tools: OperatorTools, selection: QuarantineSelection): Promise<number> {
  const byShop = new Map<string, string[]>();
  let count = 0;
  for await (const { shop, id } of quarantined(tools, selection)) {
    byShop.set(shop, [...(byShop.get(shop) ?? []), id]);
    count += 1;
  }
  for (const [shop, ids] of byShop) await tools.store.state.discardQuarantined(shop, ids);
  return count;
}

/** Reads quarantined events as if they came today; what is accepted keeps its time of receipt and what was found then. */
async function redriveQuarantine(tools: OperatorTools, selection: QuarantineSelection): Promise<QuarantineRedrive> {
  const result = { accepted: 0, duplicate: 0, refused: 0 };
  for await (const item of quarantined(tools, selection)) {
    const record = readAgain(tools, item);
    if (record === undefined) {
      result.refused += 1;
      continue;
    }
    for (const { kind } of await tools.store.log.append(record))
      result[kind === 'stored' ? 'accepted' : 'duplicate'] += 1;
  }
  return result;
}

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
    const { events, refused } = dialect.read(body, rulesOf(tools, shop));
    if (refused.length > 0 || events.length === 0) return undefined;
    return { dialect: name, context, body: Buffer.from(body), events, refused: [], released: [{ id, code }] };
  } catch (error) {
    if (error instanceof RequestRefused) return undefined;
    throw error;
  }
}

const rulesOf = ({ limits }: OperatorTools, { config, names, customEvents }: Shop): Rules => ({
  shop: config.shop,
  names,
  shopNamed: true,
  customEvents,
  limits,
});
