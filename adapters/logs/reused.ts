import type { Event } from '../../schemas/event.ts';
import type { Contents, Draft } from '../dialects/dialect.ts';
import { DERIVATION } from '../dialects/event-id.ts';
import { derivedId } from '../dialects/ids.ts';
import { areDifferent } from '../dialects/kind.ts';
import { type Head, REUSED } from './head.ts';
import type { LogRecord } from './log.ts';

// The same id does not prove the same event: a client that gives one id to two events would lose the second as a duplicate. If a known id comes
// with another kind of event, the event is stored under an id made from its id and its content, so that its own resend is a duplicate.

const idOf = (id: string, content: string): string => `${id}~${content}`;

/** Whether an event with a known id is a different event and not a repeat. Never true for an id derived from content. */
export const isAnother = (known: Pick<Head, 'kind'>, coming: Head): boolean =>
  (coming.flags & REUSED) === 0 && areDifferent(known.kind, coming.kind);

/**
 * Makes drafts with new ids for events whose own id belongs to another. The body is parsed once, on first use. Never throws: a log that has
 * assigned positions could not take them back.
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
    // A version that cannot read the content cannot read the events either.
    return events.map(({ index }) => derivedId({ text, index }).slice(0, 8));
  }
}

/** The event for readers. `id`: the id under which it is stored. */
export const renamed = (event: Event, id: string): Event => ({
  ...event,
  event_id: id,
  id_source: 'reused',
  sent_id: event.event_id,
});

/** A stored event whose id belonged to another, and the version of the derivation that identified its content. */
export interface Reused {
  readonly index: number;
  readonly derivation: number;
}

/** The ids of such events by their places in the body. The body is read once per version. */
export function reusedIds(
  contents: Contents,
  dialect: string,
  body: string,
  reused: readonly Reused[],
): (event: Event, index: number) => string | undefined {
  const said = new Map<number, string>();
  for (const version of new Set(reused.map(({ derivation }) => derivation))) {
    const indexes = reused.filter(({ derivation }) => derivation === version).map(({ index }) => index);
    // The first records with such ids did not store the version.
    const found = contents(dialect, body, indexes, version || 1);
    for (const [i, index] of indexes.entries()) said.set(index, found[i] ?? '');
  }
  return ({ event_id }, index) => {
    const content = said.get(index);
    return content === undefined ? undefined : idOf(event_id, content);
  };
}
