import type { Event } from '../../schemas/event.ts';
import type { Draft } from '../dialects/dialect.ts';
import { areDifferent } from '../dialects/kind.ts';
import { type Head, REUSED } from './head.ts';
import type { Contents, LogRecord } from './log.ts';

// An id is not proof: a client that gives one id to two events would lose the second as a duplicate. Where an id is known of an event of
// another kind, the event is stored under an id that is made of its own and of its content, so that its own resend is a duplicate.

const idOf = (id: string, content: string): string => `${id}~${content}`;

/** Whether an event that comes with a known id is another one, and not a repeat. One that has an id made of its content is never. */
export const isAnother = (known: Pick<Head, 'kind'>, coming: Head): boolean =>
  (coming.flags & REUSED) === 0 && areDifferent(known.kind, coming.kind);

/** The drafts of a record under the ids that they get where their own belong to others; its body is parsed once, when the first is asked for. */
export function renamer(contents: Contents, { dialect, body, events }: LogRecord): (place: number) => Draft {
  let all: readonly string[] | undefined;
  return (place) => {
    const draft = events[place] as Draft;
    all ??= contents(
      dialect,
      body.toString(),
      events.map(({ index }) => index),
    );
    return { ...draft, id: idOf(draft.id, all[place] ?? '') };
  };
}

/** The event as it is given to everybody. */
export const renamed = (event: Event, content: string): Event => ({
  ...event,
  event_id: idOf(event.event_id, content),
  id_source: 'reused',
  sent_id: event.event_id,
});
