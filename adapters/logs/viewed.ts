import type { Event } from '../../schemas/event.ts';
import { type Context, UnknownDialect } from '../dialects/dialect.ts';
import { type Position, UnreadableEvents } from './log.ts';
import { type Reused, renamed, reusedIds } from './reused.ts';
import type { StoreOptions } from './store.ts';

/** A stored record, or what is wanted of it. */
export interface Viewable {
  readonly dialect: string;
  readonly context: Context;
  readonly body: Buffer;
  /** The places in the body of the events that are wanted, whose positions follow each other from `first` on. */
  readonly indexes: readonly number[];
  readonly first: Position;
  /** By which version the id of each was made, 0 where the client sent it. */
  readonly derivations: readonly number[];
  /** Of `indexes` those whose events have ids that were made, since theirs belonged to others. */
  readonly reused?: readonly Reused[];
}

/** The events of a stored record. Throws UnreadableEvents, which says nothing of their content. */
export function viewed(
  { view, contents }: Pick<StoreOptions, 'view' | 'contents'>,
  { dialect, context, body, indexes, first, derivations, reused = [] }: Viewable,
): Event[] {
  try {
    const text = body.toString();
    const events = view(dialect, text, indexes, context, derivations);
    if (reused.length === 0 || contents === undefined) return events;
    const idOf = reusedIds(contents, dialect, text, reused);
    return events.map((event, i) => {
      const id = idOf(event, indexes[i] ?? -1);
      return id === undefined ? event : renamed(event, id);
    });
  } catch (error) {
    const { shop, receivedAt } = context;
    const name = error instanceof Error ? error.name : typeof error;
    // An error of the view may repeat what it has read.
    const reason =
      error instanceof UnknownDialect
        ? error.message
        : `they have a form that this version cannot read in the dialect "${dialect}" (${name})`;
    const to = first + indexes.length - 1;
    throw new UnreadableEvents({ shop, from: first, to, dialect, receivedAt, reason }, { cause: error });
  }
}
