import { createHash } from 'node:crypto';
import type { Batch, Outbound, Sender } from '../../adapters/destinations/destination.ts';
import { onAbort } from '../../adapters/on-abort.ts';
import type { Outcome } from '../../adapters/outcome.ts';
import type { Clock } from '../base/clock.ts';

/** How long a request that is under way may go on after its pipeline was told to stop. */
export const ANSWER_MS = 1000;

/**
 * The id of a batch: the same for the same events of a pipeline whenever they are sent, and for no others, so that a receiver may drop a
 * repeated batch by its id alone. It is made of event ids and not of positions, since a new log counts positions from 1 again.
 */
export function batchId(
  { shop, pipeline }: { readonly shop: string; readonly pipeline: string },
  events: readonly Outbound[],
): string {
  const hash = createHash('sha256').update(
    JSON.stringify([shop, pipeline, ...events.map(({ event }) => event.event_id)]),
  );
  return `${pipeline}_${hash.digest('base64url').slice(0, 22)}`;
}

/**
 * Sends a batch and gives one outcome per event. If the sender throws, or gives another number of outcomes, all events are to be retried.
 * When the signal aborts, a request that is under way gets `ANSWER_MS` more, so that an orderly stop seldom causes a repeat.
 */
export async function outcomesOf(sender: Sender, batch: Batch, signal: AbortSignal, clock: Clock): Promise<Outcome[]> {
  const all = (reason: string) => batch.events.map((): Outcome => ({ kind: 'retry', reason }));
  const cut = new AbortController();
  let answered: AbortController | undefined;
  const ignore = onAbort(signal, () => {
    answered = new AbortController();
    void clock.sleep(ANSWER_MS, answered.signal).then(() => cut.abort());
  });
  try {
    const outcomes = await sender.send(batch, cut.signal);
    const { length } = batch.events;
    return outcomes.length === length
      ? outcomes
      : all(`the sender gave ${outcomes.length} outcomes for ${length} events`);
  } catch (error) {
    return all(error instanceof Error ? error.message : String(error));
  } finally {
    ignore();
    answered?.abort();
  }
}
