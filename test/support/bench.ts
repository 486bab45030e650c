import type { Batch, Sender } from '../../adapters/destinations/destination.ts';
import { openMemory } from '../../adapters/logs/memory/open.ts';
import type { Cursor } from '../../adapters/logs/state/cursors.ts';
import type { Progress, Suspension } from '../../adapters/logs/state/progress.ts';
import type { PipelineId } from '../../adapters/logs/state/shared.ts';
import type { Store } from '../../adapters/logs/store.ts';
import type { Outcome } from '../../adapters/outcome.ts';
import type { Attempt } from '../../server/deliver/attempt.ts';
import { ANSWER_MS } from '../../server/deliver/batch.ts';
import { type DeliverOptions, deliver } from '../../server/deliver/deliver.ts';
import type { Failing, Recovery } from '../../server/deliver/streak.ts';
import { never, SHOP, storeOptions } from '../contracts/log.ts';
import { TestClock } from './clock.ts';
import { until } from './until.ts';

export const ID = { shop: SHOP, pipeline: 'p' };
export type Answer = (batch: Batch, attempt: number, signal: AbortSignal) => Outcome[] | Promise<Outcome[]>;

export const all = (batch: Batch, outcome: Outcome): Outcome[] => batch.events.map(() => outcome);
export const delivered = (batch: Batch, ..._: unknown[]): Outcome[] =>
  all(batch, { kind: 'delivered', status: 'HTTP 200' });

/** One pipeline's loop over a store, with a sender that answers as the test says and remembers what it was given. */
export class Bench {
  readonly store: Store;
  readonly clock = new TestClock();
  readonly sent: { id: string; events: string[] }[] = [];
  readonly attempts: Attempt[] = [];
  readonly suspensions: Suspension[] = [];
  readonly failures: Failing[] = [];
  readonly recoveries: (Recovery & { readonly settledAhead: number })[] = [];
  readonly missing: [events: number, reason: string][] = [];
  readonly stop = new AbortController();
  ended: Promise<unknown> = Promise.resolve();
  cursor: Cursor | undefined;

  constructor(store = openMemory(storeOptions())) {
    this.store = store;
  }

  async start(answer: Answer, options: Partial<DeliverOptions> = {}): Promise<void> {
    const sender: Sender = {
      send: async (batch, signal) => {
        this.sent.push({ id: batch.id, events: batch.events.map(({ event }) => event.event_id) });
        return answer(batch, this.sent.length, signal);
      },
    };
    const cursor = options.cursor ?? (await claimed(this.store, ID));
    this.cursor = cursor;
    this.ended = deliver(
      {
        ...ID,
        id: ID,
        log: this.store.log,
        state: this.store.state,
        cursor,
        route: () => undefined,
        senders: [sender],
        maxBatch: 3,
        clock: this.clock,
        random: () => 0,
        onMissing: (...missing) => this.missing.push(missing),
        onSuspended: (suspension) => this.suspensions.push(suspension),
        onFailing: (failing) => this.failures.push(failing),
        onRecovered: (recovery, settledAhead) => this.recoveries.push({ ...recovery, settledAhead }),
        onAttempt: (attempt) => this.attempts.push(attempt),
        ...options,
      },
      AbortSignal.any([this.stop.signal, cursor.wanted]),
    ).finally(() => cursor.release());
  }

  async end(): Promise<Progress> {
    this.stop.abort();
    await this.clock.advance(ANSWER_MS);
    await this.ended;
    return (await this.store.state.cursors.progress(ID))!;
  }

  async finished(position: number): Promise<void> {
    await until(async () => ((await this.store.state.cursors.progress(ID))?.position ?? 0) >= position);
  }
}

export async function claimed({ state }: Store, id: PipelineId, start?: number): Promise<Cursor> {
  await state.cursors.begin(id, start);
  return state.cursors.claim(id, never);
}
