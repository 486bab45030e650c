import { isReadAsSent } from './body.ts';
import { derivedId } from './ids.ts';
import { numbersAsWritten } from './numbers.ts';
import { isPlaceholder } from './placeholder.ts';
import { text } from './values.ts';

/**
 * The version by which ids are derived today, kept with each event: those that are stored keep theirs when it changes.
 * 1: of an event whose id is missing or empty, with its numbers as doubles. 2: also of an event whose id cannot serve as one, with its
 * numbers as they were written.
 */
export const DERIVATION = 2;

/** The id of an event. `derived`: by which version it was made; 0 if the client sent it. */
export interface EventId {
  readonly id: string;
  readonly derived: number;
}

/** The content of an event, with its numbers as a version of the derivation reads them. */
export type ContentOf = (derivation: number) => object;

/** `stored`: what `derived` says of an event that is stored; undefined for one that comes now. */
export function eventId(sent: unknown, content: ContentOf, stored?: number): EventId {
  const id = stored === undefined ? ownId(sent) : stored > 1 ? undefined : given(sent);
  if (id !== undefined) return { id, derived: 0 };
  const derived = stored || (stored === undefined ? DERIVATION : 1);
  return { id: derivedId(content(derived)), derived };
}

/** Characters. */
const LONGEST_ID = 200;

/** PostgreSQL and C strings end at U+0000. U+FFFD stands for any character that could not be read: two ids may have become one. */
const UNUSABLE = /[\0\ufffd]/;

/** An event's own id; undefined for what cannot serve as one. */
export function ownId(sent: unknown): string | undefined {
  const id = given(sent);
  if (id === undefined || (id.length > LONGEST_ID && [...id].length > LONGEST_ID) || UNUSABLE.test(id))
    return undefined;
  return isPlaceholder(id) ? undefined : id;
}

/** A number that a double cannot hold would be the id of its neighbours too. */
const given = (sent: unknown): string | undefined => (Number.isSafeInteger(sent) ? String(sent) : text(sent));

/** Gives what a version of the derivation reads in a body. `read`: what everybody gets of it, which mostly is what was sent. */
export function contentBy<T>(
  body: string,
  read: T,
  parse: (body: string, manner: 'sent') => T,
): (derivation: number) => T {
  const plain = once(() => (isReadAsSent(body) ? read : parse(body, 'sent')));
  const exact = once(() => {
    const written = numbersAsWritten(body);
    return written === body ? plain() : parse(written, 'sent');
  });
  return (derivation) => (derivation < 2 ? plain() : exact());
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
