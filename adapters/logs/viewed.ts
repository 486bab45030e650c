import type { Event } from '../../schemas/event.ts';
import { type Context, UnknownDialect } from '../dialects/dialect.ts';
import { type Position, UnreadableEvents, type View } from './log.ts';

/** A stored record, or what is wanted of it. */
export interface Viewable {
  readonly dialect: string;
  readonly context: Context;
  readonly body: Buffer;
  /** The places in the body of the events that are wanted, whose positions follow each other from `first` on. */
  readonly indexes: readonly number[];
  readonly first: Position;
}

/** The events of a stored record. Throws UnreadableEvents, which says nothing of their content. */
export function viewed(view: View, { dialect, context, body, indexes, first }: Viewable): Event[] {
  try {
    return view(dialect, body.toString(), indexes, context);
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
