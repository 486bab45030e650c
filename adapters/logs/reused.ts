import type { Event } from '../../schemas/event.ts';
import type { Contents, Draft } from '../dialects/dialect.ts';
import { DERIVATION } from '../dialects/event-id.ts';
import { derivedId } from '../dialects/ids.ts';
import { areDifferent } from '../dialects/kind.ts';
import { type Head, REUSED } from './head.ts';
import type { LogRecord } from './log.ts';

// An id is not proof: a client that gives one id to two events would lose the second as a duplicate. Where an id is known of an event of
// another kind, the event is stored under an id that is made of its own and of its content, so that its own resend is a duplicate.

const idOf = (id: string, content: string): string => `${id}~${content}`;

/** Whether an event that comes with a known id is another one, and not a repeat. One that has an id made of its content is never. */
export const isAnother = (known: Pick<Head, 'kind'>, coming: Head): boolean =>
  (coming.flags & REUSED) === 0 && areDifferent(known.kind, coming.kind);

/**
 * The drafts of a record under the ids that they get where their own belong to others; its body is parsed once, when the first is asked
 * for. Never throws: a log that has given positions out already could not take them back.
 */
export function renamer(contents: Contents, record: LogRecord): (place: number) => Draft {
  let all: readonly string[] | undefined;
  return (place) => {
    const draft = record.events[place] as Draft;
    all ??= contentsOf(contents, record);
    return { ...draft, id: idOf(draft.id, all[place] ?? ''), derived: DERIVATION };
  };
}

function contentsOf(contents: Contents, { dialect, body, events }: LogRecord): readonly string[] {
  const text = body.toString();
  try {
    return contents(
      dialect,
      text,
      events.map(({ index }) => index),
      DERIVATION,
    );
  } catch {
    // A version that cannot tell contents cannot read the events either.
    return events.map(({ index }) => derivedId({ text, index }).slice(0, 8));
  }
}

/** The event as it is given to everybody. `id`: under which it is stored. */
export const renamed = (event: Event, id: string): Event => ({
  ...event,
  event_id: id,
  id_source: 'reused',
  sent_id: event.event_id,
});

/** A stored event whose id belonged to another, and by which version of the derivation its content was told. */
export interface Reused {
  readonly index: number;
  readonly derivation: number;
}

/** Gives the ids of such events of a body by their places in it. Each version reads the body once. */
export function reusedIds(
  contents: Contents,
  dialect: string,
  body: string,
  reused: readonly Reused[],
): (event: Event, index: number) => string | undefined {
  const said = new Map<number, string>();
  for (const version of new Set(reused.map(({ derivation }) => derivation))) {
    const indexes = reused.filter(({ derivation }) => derivation === version).map(({ index }) => index);
    // The first records that had such ids did not say by which version.
    const found = contents(dialect, body, indexes, version || 1);
    for (const [i, index] of indexes.entries()) said.set(index, found[i] ?? '');
  }
  return ({ event_id }, index) => {
    const content = said.get(index);
    return content === undefined ? undefined : idOf(event_id, content);
  };
}
