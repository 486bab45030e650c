import * as assert from 'uvu/assert';
import type { Batch, Destination } from '../../../adapters/destinations/destination.ts';
import { webhook } from '../../../adapters/destinations/webhook/webhook.ts';
import type { DeadLetter } from '../../../adapters/logs/state/dead-letters.ts';
import type { Progress } from '../../../adapters/logs/state/progress.ts';
import type { PipelineId } from '../../../adapters/logs/state/shared.ts';
import type { Store } from '../../../adapters/logs/store.ts';
import type { Outcome } from '../../../adapters/outcome.ts';
import { createLogger } from '../../../server/base/logger.ts';
import { ANSWER_MS } from '../../../server/deliver/batch.ts';
import { Pipelines } from '../../../server/deliver/pipelines.ts';
import { receiptOf } from '../../../server/operate/receipts.ts';
import { record, SHOP, view } from '../../contracts/log.ts';
import { TestClock } from '../../support/clock.ts';
import { configOf } from '../../support/gateway.ts';

/**
 * What a receiver does with what comes: takes it, refuses it for now with or without an answer, the same only where a certain event is
 * among it, refuses it for good, or keeps it waiting.
 */
export type Mood = 'takes' | 'fails' | 'silent' | 'chokes' | 'refuses' | 'holds';

export type Action =
  | { readonly kind: 'events'; readonly views: number; readonly carts: number }
  | { readonly kind: 'mood'; readonly mood: Mood }
  | { readonly kind: 'seconds'; readonly seconds: number }
  | { readonly kind: 'reload'; readonly lanes: number; readonly events: string }
  | { readonly kind: 'redrive' | 'discard'; readonly from: number; readonly count: number }
  | { readonly kind: 'restart' | 'suspend' | 'resume' };

/** Where the log is; `open` gives it on the same data as before, or on fresh data. */
export interface Place {
  /** Whether the log is closed and opened by a restart. */
  readonly durable: boolean;
  open(again: boolean): Promise<Store>;
}

/** What a receiver wrote down about one event. */
interface Entry {
  came: number;
  taken: number;
  /** Answers that were no. */
  refused: number;
}

const ID: PipelineId = { shop: SHOP, pipeline: 'p' };
const URL_OF_NOBODY = 'http://127.0.0.1:9/';

const isHard = (id: string): boolean => id.endsWith('2') || id.endsWith('7');

/** Writes down all that comes to it, before it answers. */
class Receiver {
  mood: Mood = 'takes';
  readonly ledger = new Map<string, Entry>();
  /** Those whose discard was confirmed. */
  readonly discarded = new Set<string>();
  readonly faults: string[] = [];
  #held: (() => void)[] = [];

  entry(id: string): Entry {
    const entry = this.ledger.get(id) ?? { came: 0, taken: 0, refused: 0 };
    this.ledger.set(id, entry);
    return entry;
  }

  become(mood: Mood): void {
    this.mood = mood;
    for (const answer of this.#held.splice(0)) answer();
  }

  async send({ events }: Batch, signal: AbortSignal): Promise<Outcome[]> {
    for (const { event } of events) {
      const entry = this.entry(event.event_id);
      entry.came += 1;
      if (entry.taken > 0) this.faults.push(`${event.event_id} came again after it was taken`);
      if (this.discarded.has(event.event_id)) this.faults.push(`${event.event_id} came after it was discarded`);
    }
    while (this.mood === 'holds') await this.#answer(signal);
    if (signal.aborted) throw new Error('nobody waits for the answer');
    const takes =
      this.mood === 'takes' || (this.mood === 'chokes' && !events.some(({ event }) => isHard(event.event_id)));
    return events.map(({ event }) => this.#outcome(this.entry(event.event_id), takes));
  }

  #outcome(entry: Entry, takes: boolean): Outcome {
    if (takes) {
      entry.taken += 1;
      return { kind: 'delivered', status: 'HTTP 200' };
    }
    entry.refused += 1;
    if (this.mood === 'refuses') return { kind: 'rejected', reason: 'HTTP 422' };
    return { kind: 'retry', reason: 'HTTP 503', answered: this.mood !== 'silent' };
  }

  #answer(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      this.#held.push(resolve);
    });
  }
}

/** One pipeline of one shop, what is done to it, and a receiver that remembers. */
export class History {
  readonly receiver = new Receiver();
  readonly #options: Place;
  readonly #clock = new TestClock();
  #store: Store;
  #pipelines: Pipelines;
  #lanes = 1;
  #events = '"*"';
  #appended: string[] = [];
  /** Whether anything has ended an attempt that nobody had answered. */
  #isCalm = true;

  static async begin(options: Place): Promise<History> {
    const history = new History(options, await options.open(false));
    await history.#follow();
    return history;
  }

  private constructor(options: Place, store: Store) {
    this.#options = options;
    this.#store = store;
    this.#pipelines = this.#newPipelines();
  }

  async do(action: Action): Promise<void> {
    switch (action.kind) {
      case 'events':
        return this.#append(action.views, action.carts);
      case 'mood':
        this.receiver.become(action.mood);
        break;
      case 'seconds':
        return this.#pass(action.seconds);
      case 'reload':
        this.#isCalm = false;
        this.#lanes = action.lanes;
        this.#events = action.events;
        await this.#follow();
        break;
      case 'restart':
        this.#isCalm = false;
        await this.#restart();
        break;
      case 'suspend':
        this.#isCalm = false;
        await this.#ended(this.#store.state.cursors.suspend(ID, { reason: 'by hand', at: this.#clock.now() }));
        break;
      case 'resume':
        this.#isCalm = false;
        await this.#ended(this.#store.state.cursors.resume(ID));
        break;
      case 'redrive':
        await this.#store.state.deadLetters.redrive(ID, await this.#letters(action));
        break;
      case 'discard':
        await this.#discard(await this.#letters(action));
        break;
    }
    await turns();
  }

  /** Lets everything come to its end, and compares the books and every receipt with what the receiver wrote down. */
  async judge(): Promise<void> {
    this.receiver.become('takes');
    await this.#ended(this.#store.state.cursors.resume(ID));
    await this.#settle();
    assert.equal(this.receiver.faults, []);
    const { state, log } = this.#store;
    const progress = await this.#progress();
    const taken = this.#appended.filter((id) => this.receiver.entry(id).taken > 0);
    const dead = await state.deadLetters.open(ID, { limit: 1000 });
    assert.equal(
      { delivered: progress.delivered, dead: progress.dead, all: sumOf(progress) },
      { delivered: taken.length, dead: dead.length + this.receiver.discarded.size, all: this.#appended.length },
      'the books say what the receiver has',
    );
    const running = await this.#pipelines.statuses();
    for (const id of this.#appended) {
      const stored = await log.find(SHOP, id);
      assert.ok(stored, `${id} is on the log`);
      const receipt = await receiptOf(this.#store, stored, running, 0);
      assert.equal(
        receipt.pipelines?.map((one) => one.state),
        [this.#expected(id, dead)],
        id,
      );
    }
    if (this.#isCalm)
      for (const letter of dead) assert.is(letter.attempts, this.receiver.entry(letter.event.event_id).refused);
  }

  async end(): Promise<void> {
    await this.#ended(this.#pipelines.stop());
    await this.#store.close();
  }

  #expected(id: string, dead: readonly DeadLetter[]): string {
    if (this.receiver.entry(id).taken > 0) return 'delivered';
    if (this.receiver.discarded.has(id)) return 'dropped';
    return dead.some(({ event }) => event.event_id === id) ? 'dead' : 'filtered';
  }

  async #append(views: number, carts: number): Promise<void> {
    const first = this.#appended.length;
    const ids = Array.from({ length: views + carts }, (_, i) => `${i < views ? 'view' : 'cart'}-${first + i}`);
    this.#appended.push(...ids);
    if (ids.length > 0) await this.#store.log.append(record(ids));
    await turns();
  }

  async #pass(seconds: number): Promise<void> {
    await turns();
    await this.#clock.advance(seconds * 1000);
    await turns();
  }

  async #letters({ from, count }: { readonly from: number; readonly count: number }): Promise<number[]> {
    const letters = await this.#store.state.deadLetters.open(ID, { limit: 1000 });
    return letters.slice(from, from + count).map(({ position }) => position);
  }

  async #discard(positions: readonly number[]): Promise<void> {
    await this.#ended(this.#store.state.deadLetters.discard(ID, positions, this.#clock.now()));
    for (const position of positions) {
      const letter = await this.#store.state.deadLetters.at(ID, position);
      if (letter?.ended?.kind === 'discarded') this.receiver.discarded.add(letter.event.event_id);
      else assert.is(letter?.ended?.kind, 'delivered', 'what is not discarded was delivered before');
    }
  }

  /** What has a pipeline stop waits for the answer to what is being sent, so time has to pass. */
  async #ended<T>(work: Promise<T>): Promise<T> {
    const over = new AbortController();
    const done = work.finally(() => over.abort());
    await turns();
    while (!over.signal.aborted) {
      await this.#clock.advance(ANSWER_MS);
      await turns();
    }
    return done;
  }

  async #restart(): Promise<void> {
    await this.#ended(this.#pipelines.stop());
    if (this.#options.durable) {
      await this.#store.close();
      this.#store = await this.#options.open(true);
    }
    this.#pipelines = this.#newPipelines();
    await this.#follow();
  }

  #follow(): Promise<void> {
    return this.#ended(
      this.#pipelines.follow(
        configOf(`
shops:
  - shop: ${SHOP}
    tokens: [t]
    pipelines:
      - id: p
        lanes: ${this.#lanes}
        events: [${this.#events}]
        destination: { type: webhook, url: "${URL_OF_NOBODY}", secret: whsec_${'A'.repeat(32)}, allowPrivateNetworks: true }`),
      ),
    );
  }

  #newPipelines(): Pipelines {
    const destination: Destination<typeof webhook.settings> = {
      ...webhook,
      maxBatch: () => 3,
      connect: () => ({ send: (batch, signal) => this.receiver.send(batch, signal) }),
    };
    return new Pipelines({
      store: this.#store,
      deliversEvents: true,
      destinations: [destination as unknown as Destination],
      clock: this.#clock,
      random: () => 0,
      logger: createLogger('silent'),
      onFailure: (error) => this.receiver.faults.push(String(error)),
    });
  }

  /** Until nothing is pending and nothing is marked any more. */
  async #settle(): Promise<void> {
    for (let round = 0; round < 40; round++) {
      await this.#pass(31);
      const { position } = await this.#progress();
      const letters = await this.#store.state.deadLetters.open(ID, { limit: 1000 });
      if (position === this.#appended.length && !letters.some(({ redrive }) => redrive)) return;
    }
    const letters = await this.#store.state.deadLetters.open(ID, { limit: 1000 });
    assert.unreachable(
      `still open: ${JSON.stringify([await this.#progress(), letters.map((l) => [l.position, l.redrive])])}`,
    );
  }

  async #progress(): Promise<Progress> {
    const progress = await this.#store.state.cursors.progress(ID);
    assert.ok(progress);
    return progress;
  }
}

const sumOf = ({ delivered, dead, filtered, dropped }: Progress): number =>
  [delivered, dead, ...Object.values(filtered), ...Object.values(dropped)].reduce((sum, count) => sum + count, 0);

/** Lets happen what needs no time: on a disk that takes some turns. */
async function turns(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setTimeout(resolve, 1));
}

/** Events by the beginning of their ids. */
export const kindsOf: typeof view = (...args) =>
  view(...args).map((event) => {
    const type = event.event_id.startsWith('cart') ? 'add_to_cart' : 'product_view';
    return { ...event, event_type: type, name: type };
  });
