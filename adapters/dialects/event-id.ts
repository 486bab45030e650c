import { isReadAsSent } from './body.ts';
import { derivedId } from './ids.ts';
import { numbersAsWritten } from './numbers.ts';
import { isPlaceholder } from './placeholder.ts';
import { text } from './values.ts';

/**
 * The current version of id derivation. Each event stores the version of its id, so stored ids never change. 1: derives an id if it is missing
 * or empty, with numbers as doubles. 2: also if it cannot serve as an id, with numbers as they were written.
 */
export const DERIVATION = 2;

/** The id of an event. `derived`: the version that made it; 0 if the client sent it. */
export interface EventId {
  readonly id: string;
  readonly derived: number;
}

/** The content of the event at a place of its body, with its numbers as a version of the derivation reads them. */
export type ContentOf = (derivation: number, index: number) => object;

/** `stored`: the `derived` of a stored event; undefined for a new one. `index`: its place in the body. */
export function eventId(sent: unknown, content: ContentOf, stored?: number, index = 0): EventId {
  const id = stored === undefined ? ownId(sent) : stored > 1 ? undefined : given(sent);
  if (id !== undefined) return { id, derived: 0 };
  const derived = stored || (stored === undefined ? DERIVATION : 1);
  return { id: derivedId(content(derived, index)), derived };
}

/** Characters. */
const LONGEST_ID = 200;

/** PostgreSQL and C strings end at U+0000. U+FFFD stands for any character that could not be read: two ids may have become one. */
const UNUSABLE = /[\0\ufffd]/;

/** The id that the client sent; undefined if it cannot serve as one. */
export function ownId(sent: unknown): string | undefined {
  const id = given(sent);
  if (id === undefined || (id.length > LONGEST_ID && [...id].length > LONGEST_ID) || UNUSABLE.test(id))
    return undefined;
  return isPlaceholder(id) ? undefined : id;
}

/** A number beyond double precision would share its id with neighbours. */
const given = (sent: unknown): string | undefined => (Number.isSafeInteger(sent) ? String(sent) : text(sent));

/** Gives the content as a version of the derivation reads it. `read`: the form for all readers, which mostly equals what was sent. */
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
