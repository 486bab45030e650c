import type { Balance } from '../../schemas/admin-api/balance.ts';
import type { PageOf } from '../../schemas/admin-api/common.ts';
import type { DeadSelection, DeadView } from '../../schemas/admin-api/dead-letters.ts';
import type { JobReport } from '../../schemas/admin-api/jobs.ts';
import type { OrphanDiscard, PipelineRef, PipelineReport } from '../../schemas/admin-api/pipelines.ts';
import type { QuarantinedHeadView, QuarantinedView } from '../../schemas/admin-api/quarantine.ts';
import type { Receipt } from '../../schemas/admin-api/receipts.ts';
import type { ReplayJob, ReplayOrder, ReplayPlan, ReplayPlanned } from '../../schemas/admin-api/replays.ts';
import type { TailFilter, TailLine } from '../../schemas/admin-api/tail.ts';
import type { Event } from '../../schemas/event.ts';
import { NotFound } from '../../server/base/errors.ts';
import type { Operations, PageRequest } from '../../server/operate/operations.ts';

export const SHOP = 'demo.myshopify.com';

export const eventOf = (fields: Partial<Event> = {}): Event => ({
  event_id: 'e-1',
  id_source: 'client',
  event_type: 'product_view',
  name: 'product_view',
  dialect: 'layers',
  shop: SHOP,
  timestamp: '2026-06-01T12:00:00.000Z',
  timestamp_source: 'client',
  received_at: '2026-06-01T12:00:00.000Z',
  trust: 'public',
  ...fields,
});

export const deadOf = (position: number, fields: Partial<DeadView> = {}): DeadView => ({
  shop: SHOP,
  pipeline: 'ga4',
  position,
  event: eventOf({ event_id: `e-${position}` }),
  reason: 'HTTP 400 no such property',
  attempts: 5,
  at: '2026-06-01T12:00:00.000Z',
  ...fields,
});

export const quarantinedOf = (id: string, fields: Partial<QuarantinedView> = {}): QuarantinedView => ({
  id,
  shop: SHOP,
  at: '2026-06-01T12:00:00.000Z',
  dialect: 'layers',
  code: 'invalid',
  reasons: ['events[0].query: expected text, got nothing'],
  index: 0,
  event_id: 'e-9',
  name: 'search',
  raw: '{"event_type":"search"}',
  context: { shop: SHOP, received_at: '2026-06-01T12:00:00.000Z', trust: 'public', channel: 'web' },
  ...fields,
});

export const headViewOf = ({ raw, context: _, ...head }: QuarantinedView): QuarantinedHeadView => ({
  ...head,
  bytes: raw.length,
  beginning: raw.slice(0, 200),
});

export const receiptOf = (fields: Partial<Receipt> = {}): Receipt => ({
  event_id: 'e-1',
  shop: SHOP,
  state: 'stored',
  received_at: '2026-06-01T12:00:00.000Z',
  dialect: 'layers',
  type: 'product_view',
  position: 42,
  id_source: 'client',
  trust: 'public',
  enrichment: { geo_country: 'DE', shopping_channel: 'web', device_type: 'mobile', is_bot: true },
  pipelines: [{ pipeline: 'archive', state: 'delivered', at: '2026-06-01T12:00:01.000Z', attempts: 2, status: 'ok' }],
  ...fields,
});

export const reportOf = (fields: Partial<PipelineReport> = {}): PipelineReport => ({
  shop: SHOP,
  pipeline: 'archive',
  destination: 'file',
  state: 'idle',
  failed_attempts: 0,
  last_success_at: '2026-06-01T12:00:00.000Z',
  pending: 0,
  lag_seconds: 0,
  position: 10,
  delivered: 9,
  dead: 1,
  filtered: {},
  dropped: {},
  ...fields,
});

export const jobOf = (fields: Partial<ReplayJob> = {}): ReplayJob => ({
  shop: SHOP,
  pipeline: 'archive',
  id: 'r-1',
  state: 'running',
  from: 1,
  to: 200,
  position: 0,
  delivered: 0,
  dead: 0,
  filtered: 0,
  started_at: '2026-06-01T12:00:00.000Z',
  ...fields,
});

export const orderOf = (fields: Partial<JobReport> = {}): JobReport => ({
  id: 'j1',
  of: 'quarantine',
  kind: 'redrive',
  selection: {},
  state: 'done',
  started_at: '2026-06-01T12:00:00.000Z',
  looked: 10,
  counts: {},
  ...fields,
});

const plan: ReplayPlan = {
  shop: SHOP,
  pipeline: 'archive',
  from: 1,
  to: 200,
  events: 200,
  wanted: 150,
  by_type: { product_view: 100, search: 50 },
  again: 20,
  filtered: { type: 50 },
};

const balance: Balance = {
  balanced: true,
  shops: [{ shop: SHOP, received: 12, appended: 10, duplicate: 1, quarantined: { invalid: 1 }, difference: 0 }],
  pipelines: [
    {
      shop: SHOP,
      pipeline: 'archive',
      appended: 10,
      delivered: 9,
      dead: 1,
      filtered: {},
      dropped: {},
      pending: 0,
      difference: 0,
    },
  ],
};

/** Operations over plain arrays, which a test fills; it writes down what it was asked and ordered. Selections are not applied. */
export class FakeOperations implements Operations {
  readonly asked: (readonly [name: string, ...given: unknown[]])[] = [];
  known: Receipt[] = [];
  reports: PipelineReport[] = [reportOf()];
  letters: DeadView[] = [];
  refused: QuarantinedView[] = [];
  jobs: ReplayJob[] = [];
  /** What is known of each order; a look takes the first of several. */
  orders: JobReport[] = [];
  /** How orders end. */
  ordered: Partial<JobReport> = {};
  plan: ReplayPlan = plan;
  sums: Balance = balance;
  lines: (filter: TailFilter, signal: AbortSignal) => AsyncIterable<TailLine> = async function* () {};
  /** Thrown by the next call. */
  failure: Error | undefined;

  #asked(name: string, ...given: unknown[]): void {
    this.asked.push([name, ...given]);
    const { failure } = this;
    this.failure = undefined;
    if (failure) throw failure;
  }

  async receipts(event_id: string, shop?: string): Promise<Receipt[]> {
    this.#asked('receipts', event_id, shop);
    return this.known.filter((receipt) => receipt.event_id === event_id);
  }
  async pipelines(): Promise<PipelineReport[]> {
    this.#asked('pipelines');
    return this.reports;
  }
  async suspend(pipeline: PipelineRef, reason: string): Promise<void> {
    this.#asked('suspend', pipeline, reason);
    this.#named(pipeline);
  }
  async resume(pipeline: PipelineRef): Promise<void> {
    this.#asked('resume', pipeline);
    this.#named(pipeline);
  }
  async dead(selection: DeadSelection, page: PageRequest): Promise<PageOf<DeadView>> {
    this.#asked('dead', selection, page);
    return pageOf(this.letters, page);
  }
  async *allDead(selection: DeadSelection): AsyncIterable<DeadView> {
    this.#asked('allDead', selection);
    yield* this.letters;
  }
  async redriveDead(selection: object): Promise<JobReport> {
    this.#asked('redriveDead', selection);
    return orderOf({ of: 'dead', counts: { redriven: this.letters.length }, ...this.ordered });
  }
  async discardDead(selection: object): Promise<JobReport> {
    this.#asked('discardDead', selection);
    return orderOf({ of: 'dead', kind: 'discard', counts: { discarded: this.letters.length }, ...this.ordered });
  }
  async quarantine(selection: object, page: PageRequest): Promise<PageOf<QuarantinedHeadView>> {
    this.#asked('quarantine', selection, page);
    return pageOf(this.refused.map(headViewOf), page);
  }
  async oneQuarantined(id: string, shop?: string): Promise<QuarantinedView> {
    this.#asked('oneQuarantined', id, shop);
    const one = this.refused.find((item) => item.id === id);
    if (one === undefined) throw new NotFound(`there is no quarantined event ${id}`);
    return one;
  }
  async *allQuarantined(selection: object): AsyncIterable<QuarantinedView> {
    this.#asked('allQuarantined', selection);
    yield* this.refused;
  }
  async redriveQuarantine(selection: object): Promise<JobReport> {
    this.#asked('redriveQuarantine', selection);
    return orderOf({ counts: { accepted: 2, duplicate: 1, refused: 3 }, ...this.ordered });
  }
  async discardQuarantine(selection: object): Promise<JobReport> {
    this.#asked('discardQuarantine', selection);
    return orderOf({ kind: 'discard', counts: { discarded: this.refused.length }, ...this.ordered });
  }
  async allJobs(): Promise<JobReport[]> {
    this.#asked('allJobs');
    return this.orders;
  }
  async job(id: string): Promise<JobReport> {
    this.#asked('job', id);
    const job = this.orders.length > 1 ? this.orders.shift() : this.orders[0];
    if (job?.id !== id) throw new NotFound(`there is no job ${id}`);
    return job;
  }
  async cancelJob(id: string): Promise<void> {
    this.#asked('cancelJob', id);
    if (!this.orders.some((job) => job.id === id)) throw new NotFound(`there is no job ${id}`);
  }
  async planReplay(order: ReplayOrder): Promise<ReplayPlan> {
    this.#asked('planReplay', order);
    return this.plan;
  }
  async *planningReplay(order: ReplayOrder): AsyncGenerator<ReplayPlanned> {
    this.#asked('planningReplay', order);
    yield { position: 100, plan: { ...this.plan, wanted: 1 } };
    yield { position: this.plan.to, plan: this.plan };
  }
  async startReplay(order: ReplayOrder): Promise<ReplayJob> {
    this.#asked('startReplay', order);
    const job = jobOf();
    this.jobs = [...this.jobs, job];
    return job;
  }
  async replays(): Promise<ReplayJob[]> {
    this.#asked('replays');
    return this.jobs;
  }
  async cancelReplay(id: string): Promise<ReplayJob> {
    this.#asked('cancelReplay', id);
    const job = this.jobs.find((one) => one.id === id);
    if (job === undefined) throw new NotFound(`there is no replay ${id}`);
    return { ...job, state: job.state === 'done' ? 'done' : 'cancelled' };
  }
  async adoptPipeline(orphan: PipelineRef, as: string): Promise<ReplayJob> {
    this.#asked('adoptPipeline', orphan, as);
    this.#named(orphan);
    return jobOf({ pipeline: as, adopts: orphan.pipeline });
  }
  async discardPipeline(orphan: PipelineRef): Promise<OrphanDiscard> {
    this.#asked('discardPipeline', orphan);
    this.#named(orphan);
    return { pending: 7, dead: 1 };
  }
  async balance(): Promise<Balance> {
    this.#asked('balance');
    return this.sums;
  }
  tail(filter: TailFilter, signal: AbortSignal): AsyncIterable<TailLine> {
    this.#asked('tail', filter);
    return this.lines(filter, signal);
  }

  #named({ shop, pipeline }: PipelineRef): void {
    if (!this.reports.some((report) => report.shop === shop && report.pipeline === pipeline))
      throw new NotFound(`there is no pipeline ${pipeline} in ${shop}`);
  }
}

/** `after` is the index where the page begins. */
function pageOf<T>(items: readonly T[], { limit, after = '0' }: PageRequest): PageOf<T> {
  const end = Number(after) + limit;
  return { items: items.slice(Number(after), end), ...(end < items.length && { next: String(end) }) };
}
