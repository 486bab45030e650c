import type { Shop } from '../../schemas/config.ts';
import type { Event } from '../../schemas/event.ts';

/**
 * One input of a real client, and all that must come of it. Rows do not see one another: each is sent to a shop of its own.
 * In texts of a request `{token}`, `{serverToken}` and `{shop}` stand for those of that shop.
 */
export interface Row {
  readonly name: string;
  /** Where it is known from that clients send this. */
  readonly source: string;
  /** One after the other, each answered before the next is sent. */
  readonly sends: Sent | readonly Sent[];
  /** What the configuration says of the shop beside its tokens. */
  readonly shop?: Settings;
  /** The last answer, or each of them. Without it the contract's answer to success. Answers before the last one are successes unless said. */
  readonly answer?: Answer | readonly Answer[];
  /** All events that are delivered. Without it none is. */
  readonly events?: readonly Fields[];
  /** The same where it is one. */
  readonly event?: Fields;
  /** All that is kept in quarantine: its code, and words of its reasons. Without it nothing is. */
  readonly refused?: readonly Refused[];
  readonly duplicates?: number;
  /** Texts that neither a receiver nor an operator may see. */
  readonly secrets?: readonly string[];
  /** Values of the request that are found nowhere afterwards, each with the reason why that is right. */
  readonly gone?: Readonly<Record<string, string>>;
}

export type Settings = Partial<
  Pick<Shop, 'aliases' | 'origins' | 'customEvents' | 'successStatus' | 'tokens'> & { readonly glood: object }
>;

export type Speech = 'layers' | 'glood' | 'tapcart' | 'init' | 'other';

export interface Sent {
  readonly speaks: Speech;
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  /** What the body says, where that cannot be read from it as JSON in UTF-8. */
  readonly says?: unknown;
  /** The bytes of a connection, exactly; several pieces go out 20 ms apart. Nothing else of the request counts then. */
  readonly raw?: string | Buffer | readonly (string | Buffer)[];
  /** How many answers the bytes ask for; 1 unless said. */
  readonly answers?: number;
}

export interface Answer {
  readonly status: number;
  /** The whole body, or what it must match. */
  readonly body?: string | RegExp;
  /** By lower-case names; undefined: it must be missing. */
  readonly headers?: Readonly<Record<string, string | RegExp | undefined>>;
}

/**
 * Fields of an event, each checked exactly; undefined: it must be missing. `extra` counts as undefined where it is not named, so that a row
 * says all that was not understood.
 */
export type Fields = { readonly [K in keyof Event | 'timestamp_source']?: Expected };
export type Expected = unknown;

export interface Refused {
  readonly code: string;
  readonly reason: RegExp;
}

/** A value that is known by what is true of it. */
export class Matcher {
  readonly words: string;
  readonly fits: (value: unknown, event: Event) => boolean;
  constructor(words: string, fits: (value: unknown, event: Event) => boolean) {
    this.words = words;
    this.fits = fits;
  }
}

/** An id that the gateway made. */
export const DERIVED = new Matcher('an id of 32 hex digits', (value) => /^[0-9a-f]{32}$/.test(String(value)));
export const RECEIVED = new Matcher('the time of receipt', (value, event) => value === event.received_at);
/** An object with these fields, and perhaps others. */
export const having = (fields: Readonly<Record<string, unknown>>): Matcher =>
  new Matcher(`an object with ${JSON.stringify(fields)}`, (value) => includes(value, fields));
/** A list whose entries have these fields, in this order, and perhaps others. */
export const lines = (...fields: readonly Readonly<Record<string, unknown>>[]): Matcher =>
  new Matcher(`a list of ${JSON.stringify(fields)}`, (value) => includes(value, fields));
/** One of several values, where the contracts leave the choice. */
export const either = (...values: readonly unknown[]): Matcher =>
  new Matcher(`one of ${JSON.stringify(values)}`, (value) =>
    values.some((one) => JSON.stringify(one) === JSON.stringify(value)),
  );

/** Whether a value has all that the other one names. Lists must be as long. */
function includes(value: unknown, wanted: unknown): boolean {
  if (Array.isArray(wanted))
    return Array.isArray(value) && value.length === wanted.length && wanted.every((one, i) => includes(value[i], one));
  if (typeof wanted !== 'object' || wanted === null) return value === wanted;
  return (
    typeof value === 'object' &&
    value !== null &&
    Object.entries(wanted).every(([key, one]) => includes((value as Record<string, unknown>)[key], one))
  );
}
