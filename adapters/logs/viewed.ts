import type { Event } from '../../schemas/event.ts';
import { type Context, UnknownDialect } from '../dialects/dialect.ts';
import { type Position, UnreadableEvents } from './log.ts';
import { type Reused, renamed, reusedIds } from './reused.ts';
import type { StoreOptions } from './store.ts';

/** A stored record, or a part of it. */
export interface Viewable {
  readonly dialect: string;
  readonly context: Context;
  readonly body: Buffer;
  /** The places in the body of the wanted events. Their positions are consecutive from `first`. */
  readonly indexes: readonly number[];
  readonly first: Position;
  /** The version that made the id of each; 0 if the client sent it. */
  readonly derivations: readonly number[];
  /** Those of `indexes` with new ids, since theirs belonged to others. */
  readonly reused?: readonly Reused[];
}

/** The events of a stored record. Throws UnreadableEvents without any content. */
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
    // An error of the view may quote content.
    const reason =
      error instanceof UnknownDialect
        ? error.message
        : `they have a form that this version cannot read in the dialect "${dialect}" (${name})`;
    const to = first + indexes.length - 1;
    throw new UnreadableEvents({ shop, from: first, to, dialect, receivedAt, reason }, { cause: error });
  }
}
