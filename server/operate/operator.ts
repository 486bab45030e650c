import type { Dialect, Rules } from '../../adapters/dialects/dialect.ts';
import type { Store } from '../../adapters/logs/store.ts';
import type { DeadSelection } from '../../schemas/admin-api/dead-letters.ts';
import type { PipelineRef, PipelineReport } from '../../schemas/admin-api/pipelines.ts';
import type { QuarantineSelection } from '../../schemas/admin-api/quarantine.ts';
import type { Receipt } from '../../schemas/admin-api/receipts.ts';
import type { ReplayJob } from '../../schemas/admin-api/replays.ts';
import type { Clock } from '../base/clock.ts';
import { NotFound } from '../base/errors.ts';
import type { PipelineStatus, Pipelines } from '../deliver/pipelines.ts';
import { standingOf } from '../deliver/standing.ts';
import type { Shops } from '../ingest/shops.ts';
import { balanceOf } from './balance.ts';
import { deadLetters, eachDead } from './dead-letters.ts';
import { OperatorJobs, type Order } from './jobs.ts';
import type { Operations } from './operations.ts';
import { type Orphans, orphanNamed } from './orphans.ts';
import { pageOf } from './pages.ts';
import {
  discarding,
  oneQuarantined,
  quarantinedAbout,
  quarantinedHeads,
  redriving,
  shopNames,
  shopOf,
  wholeQuarantined,
} from './quarantine.ts';
import { quarantineReceipt, storedReceipt } from './receipts.ts';
import type { Replays } from './replays.ts';
import { noteOf, withNote } from './tail/note.ts';
import type { Tail } from './tail/tail.ts';

export interface OperatorTools {
  readonly store: Store;
  readonly dialects: readonly Dialect[];
  readonly shops: () => Shops;
  readonly pipelines: Pipelines;
  readonly replays: Replays;
  readonly orphans: Orphans;
  readonly tail: Tail;
  /** Whether pipelines are moved here. */
  readonly deliversEvents: boolean;
  readonly limits: Rules['limits'];
  readonly clock: Clock;
  /** Aborts when the process stops. */
  readonly stopping: AbortSignal;
  /** Called with an error of a job that nobody expected. */
  readonly onError: (error: unknown) => void;
}

/** Everything an operator can ask and order, on this gateway's own log and pipelines. */
export function createOperations(tools: OperatorTools): Operations {
  const { store, pipelines, replays, tail, shops, clock } = tools;
  const jobs = new OperatorJobs({ ...tools, state: store.state });
  return {
    receipts: (eventId, shop) => receipts(tools, eventId, shop),
    pipelines: () => reports(tools),
    suspend: async (ref, reason) =>
      found(pipelines.find(ref) && (await store.state.suspend(ref, { reason, at: clock.now() })), ref, tools),
    resume: async (ref) =>
      found((pipelines.find(ref) || (await replays.revive(ref))) && (await store.state.resume(ref)), ref, tools),
    ...deadOperations(tools, jobs),
    ...quarantineOperations(tools, jobs),
    allJobs: () => jobs.all(),
    job: (id) => jobs.one(id),
    cancelJob: (id) => jobs.cancel(id),
    planReplay: (order) => replays.plan(order),
    planningReplay: (order) => replays.planning(order),
    startReplay: (order) => replays.start(order),
    replays: () => replays.jobs(),
    cancelReplay: (id) => replays.cancel(id),
    adoptPipeline: async (orphan, as) => replays.adopt(await orphanNamed(tools, orphan), as),
    discardPipeline: (orphan) => tools.orphans.discard(orphan),
    balance: async () =>
      balanceOf(
        store.log,
        shops().all.map(({ config }) => config.shop),
        await pipelines.statuses(),
      ),
    tail: (filter, signal) => withNote(tail.lines(filter, signal), () => noteOf(tools)),
  };
}

type DeadOperations = Pick<Operations, 'dead' | 'allDead' | 'redriveDead' | 'discardDead'>;

function deadOperations(tools: OperatorTools, jobs: OperatorJobs): DeadOperations {
  const { store, pipelines, replays, clock } = tools;
  const order = (kind: Order['kind'], selection: DeadSelection, counted: string): Order => ({
    of: 'dead',
    kind,
    shop: selection.shop,
    selection: { ...selection },
    counts: [counted],
  });
  return {
    dead: (selection, page) => pageOf(deadLetters(tools, selection, page.after), page),
    allDead: (selection) => itemsOf(deadLetters(tools, selection)),
    redriveDead: (selection) =>
      jobs.order(order('redrive', selection, 'redriven'), () =>
        eachDead(
          tools,
          selection,
          'redriven',
          (id, positions) => store.state.redrive(id, positions),
          async (id) => void (pipelines.find(id) || (await replays.revive(id))),
        ),
      ),
    discardDead: (selection) =>
      jobs.order(order('discard', selection, 'discarded'), () =>
        eachDead(tools, selection, 'discarded', (id, positions) => store.state.discardDead(id, positions, clock.now())),
      ),
  };
}

type QuarantineOperations = Pick<
  Operations,
  'quarantine' | 'oneQuarantined' | 'allQuarantined' | 'redriveQuarantine' | 'discardQuarantine'
>;

function quarantineOperations(tools: OperatorTools, jobs: OperatorJobs): QuarantineOperations {
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

async function* itemsOf<T>(all: AsyncIterable<{ readonly item: T }>): AsyncGenerator<T> {
  for await (const { item } of all) yield item;
}

function found(done: boolean | undefined, ref: PipelineRef, { pipelines }: OperatorTools): void {
  // One that is configured has begun, or does so in this moment.
  if (!done && pipelines.named(ref)) throw new NotFound(`no pipeline ${ref.pipeline} in the shop ${ref.shop} yet`);
}

/** Receipts of one event id's refusals: refused more often it is the same story. */
const MOST_REFUSED = 100;

async function receipts(tools: OperatorTools, eventId: string, only: string | undefined): Promise<Receipt[]> {
  const { store, pipelines, clock } = tools;
  const statuses = await pipelines.allStatuses();
  const now = clock.now();
  const all: Receipt[] = [];
  let refusals = 0;
  for (const shop of await shopNames(tools, only)) {
    const receipt = await storedReceipt(store, shop, eventId, statuses, now);
    if (receipt) all.push(receipt);
    const refused = await quarantinedAbout(tools, shop, eventId, MOST_REFUSED - refusals);
    refusals += refused.length;
    all.push(...refused.map(quarantineReceipt));
  }
  return all;
}

async function reports({ pipelines, replays, clock }: OperatorTools): Promise<PipelineReport[]> {
  const statuses = await pipelines.statuses();
  const now = clock.now();
  const orphaned = statuses.some(({ state }) => state === 'orphaned');
  const adopted = orphaned ? (await replays.jobs()).filter(({ adopts, state }) => adopts && !isOver(state)) : [];
  return statuses.map((one) => {
    const job = adopted.find(({ shop, adopts }) => shop === one.id.shop && adopts === one.id.pipeline);
    return { ...report(one, now), ...(job && { reason: `replay ${job.id} delivers it to ${job.pipeline}` }) };
  });
}

const isOver = (state: ReplayJob['state']): boolean => state === 'done' || state === 'cancelled';

function report(statuses: PipelineStatus, now: number): PipelineReport {
  const { id, destination, progress } = statuses;
  const { position, delivered, dead, filtered, dropped } = progress;
  return {
    ...id,
    ...(destination !== undefined && { destination }),
    ...standingOf(statuses, now),
    position,
    delivered,
    dead,
    filtered,
    dropped,
  };
}
