import type { Outbound } from '../../adapters/destinations/destination.ts';
import { withoutCartKeysIn } from '../../adapters/dialects/cart-key.ts';
import type { DeadLetter } from '../../adapters/logs/state/dead-letters.ts';
import type { DeliverOptions } from './deliver.ts';
import { Ledger } from './ledger.ts';
import { type Ending, handOver, type Lane } from './send.ts';

/** Most letters, and most bytes of them, that are read and sent together: all of them may not fit into memory. */
const LETTERS_AT_ONCE = 100;
const BYTES_AT_ONCE = 1024 * 1024;
const NOW = AbortSignal.abort();

type Marked = DeadLetter & Outbound;

/** Dead letters of one pipeline that an operator has marked to be tried again. Each stays marked until it has its outcome. */
export class Redrives {
  readonly #options: DeliverOptions;
  readonly #lane: Omit<Lane, 'onWait'> | undefined;
  readonly #ledger = new Ledger();
  // Aborted at first, so that a new loop looks for marked letters.
  #asked: AbortSignal = NOW;
  #isWaiting = false;

  constructor(options: DeliverOptions, lane: Omit<Lane, 'onWait'> | undefined) {
    this.#options = options;
    this.#lane = lane && { ...lane, ledger: this.#ledger, search: { front: 0 } };
  }

  /** Aborts when there are letters to send; aborted already if some were tried and have no outcome yet. */
  get more(): AbortSignal {
    return this.#isWaiting ? NOW : this.#asked;
  }

  /**
   * Sends one batch of marked letters that today's filter still wants; gives undefined if none is marked. Letters without an outcome stay
   * marked, so that new events have their turn before the next try.
   */
  async run(signal: AbortSignal): Promise<Ending | undefined> {
    if (!this.more.aborted || this.#lane === undefined) return undefined;
    const asked = this.#options.cursor.redriven();
    const letters = await this.#next();
    this.#isWaiting = letters.length > 0;
    this.#asked = asked;
    if (letters.length === 0) return undefined;
    const wanted = await this.#withoutUnwanted(letters);
    const onWait = () => this.#save(wanted);
    const ending = await handOver(this.#options, { ...this.#lane, onWait }, wanted, signal);
    await this.#save(wanted);
    return ending;
  }

  /** The first marked letters, up to the limits of a batch. */
  async #next(): Promise<Marked[]> {
    const { state, id } = this.#options;
    const marked = await state.deadLetters.marked(id, { limit: LETTERS_AT_ONCE });
    const letters = marked.map((letter) => {
      // Letters of earlier versions may still hold cart keys.
      const event = withoutCartKeysIn(letter.event);
      return { ...letter, event, bytes: Buffer.byteLength(JSON.stringify(event)) };
    });
    let bytes = 0;
    const end = letters.findIndex((letter, i) => {
      bytes += letter.bytes;
      return i > 0 && bytes > BYTES_AT_ONCE;
    });
    return end < 0 ? letters : letters.slice(0, end);
  }

  /** Unmarks letters that the filter no longer wants; they stay dead letters and keep that reason. */
  async #withoutUnwanted(letters: readonly Marked[]): Promise<readonly Marked[]> {
    const { cursor, route, clock } = this.#options;
    const reasons = new Map(letters.map((letter) => [letter, route(letter.event)]));
    const unwanted = letters.flatMap((letter) => {
      const reason = reasons.get(letter);
      return reason === undefined ? [] : [{ ...plain(letter), leftOut: { reason, at: clock.now() } }];
    });
    if (unwanted.length > 0) await cursor.save({ progress: cursor.progress, dead: unwanted });
    return letters.filter((letter) => reasons.get(letter) === undefined);
  }

  /** Saves what became of the letters: delivered and counted as such, or still dead with the latest reason. */
  async #save(letters: readonly Marked[]): Promise<void> {
    const { cursor } = this.#options;
    const dead = letters.flatMap((letter) => this.#outcome(letter) ?? []);
    const streak = this.#lane?.streak;
    if (streak === undefined || (dead.length === 0 && streak.isIn(cursor.progress))) return;
    const revived = dead.filter(({ ended }) => ended).length;
    const progress = streak.in(cursor.progress);
    await cursor.save({
      progress: { ...progress, delivered: progress.delivered + revived, dead: progress.dead - revived },
      dead,
    });
    this.#ledger.forget(dead);
  }

  /** Undefined if the letter has no outcome yet, or that is saved already. */
  #outcome(letter: Marked): DeadLetter | undefined {
    if (this.#ledger.isOpen(letter)) return undefined;
    const again = this.#ledger.deadLetterOf(letter);
    if (again) return { ...again, attempts: letter.attempts + again.attempts };
    const { at = this.#options.clock.now(), attempts = 1, status = '' } = this.#ledger.batchOf(letter) ?? {};
    return { ...plain(letter), ended: { kind: 'delivered', at, attempts: letter.attempts + attempts, status } };
  }
}

/** A letter without its mark and the notes about earlier tries. */
function plain({ redrive: _, bytes: __, leftOut: ___, ...letter }: Marked): DeadLetter {
  return letter;
}
