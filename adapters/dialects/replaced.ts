import type { EventId } from './event-id.ts';
import { saysNothing } from './fields.ts';
import { isPlaceholder } from './placeholder.ts';
import { iso, type WrongTime, wrongTime } from './timestamp.ts';

/** A value that a client sent and its event lost, and why: short stable words for metrics. The sent value stays in `extra`. */
export interface Replaced {
  readonly field: 'event_id' | 'session_id' | 'device_id' | 'user_id' | 'customer_id' | 'timestamp';
  readonly reason: 'placeholder' | 'unusable' | WrongTime;
}

/** Collects what is replaced in the events of one body. It allocates nothing until there is something. */
export class ReplacedNotes {
  readonly #receivedAt: number;
  readonly #received: string;
  #found: Replaced[] | undefined;

  /** `receivedAt`: when the request was received, in milliseconds since 1970. */
  constructor(receivedAt: number) {
    this.#receivedAt = receivedAt;
    this.#received = iso(receivedAt);
  }

  get found(): readonly Replaced[] | undefined {
    return this.#found;
  }

  eventId(sent: unknown, { derived }: EventId): void {
    if (derived > 0 && !saysNothing(sent)) this.#add('event_id', reasonOf(sent));
  }

  /** The id of a session, device, visitor or customer. `isOne`: whether it was read as one, if known. */
  id(field: Exclude<Replaced['field'], 'event_id' | 'timestamp'>, sent: unknown, isOne = false): void {
    if (isOne || sent === undefined || sent === '') return;
    if (typeof sent === 'string' ? isPlaceholder(sent) : sent === 0) this.#add(field, 'placeholder');
  }

  time(sent: unknown): void {
    const reason = wrongTime(sent, this.#receivedAt, this.#received);
    if (reason !== undefined) this.#add('timestamp', reason);
  }

  /** Candidates for the time of an event; the first usable one is taken. */
  times(sent: readonly unknown[]): void {
    const stated = sent.filter((one) => !saysNothing(one));
    if (stated.every((one) => wrongTime(one, this.#receivedAt, this.#received) !== undefined)) this.time(stated[0]);
  }

  #add(field: Replaced['field'], reason: Replaced['reason']): void {
    this.#found ??= [];
    this.#found.push({ field, reason });
  }
}

/** Why a value is no id. */
function reasonOf(sent: unknown): 'placeholder' | 'unusable' {
  const id = typeof sent === 'number' ? String(sent) : sent;
  return typeof id === 'string' && isPlaceholder(id) ? 'placeholder' : 'unusable';
}
