/** A sample request as a client of a contract sends it, for `headless-events send`. */
export interface Sample {
  /** The default type of its event, as the contract names it. Absent for a call without an event. */
  readonly type?: string;
  /** Whether the shop must be named besides the token. */
  readonly namesShop: boolean;
  /** Where the given fields go: into the event, or into the body around it. */
  readonly fieldsOf: 'event' | 'body';
  request(wish: SampleWish): SampleRequest;
  /** Explains an answer that is no verdict on an event: its subject, and sentences. */
  told?(answer: Readonly<Record<string, unknown>>): { readonly about: string; readonly lines: readonly string[] };
}

export interface SampleWish {
  readonly token: string;
  /** Empty if the contract does not need it. */
  readonly shop: string;
  /** As the contract names it; may be a custom name of the shop. */
  readonly type: string;
  /** Fields that replace those of the example. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** ISO 8601 in UTC. */
  readonly time: string;
  /** For the event. */
  readonly id: string;
}

export interface SampleRequest {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
  /** The id of its event; undefined if it brings none. */
  readonly id: string | undefined;
}

/** An example event of each type, accepted by its contract and useful to every destination. */
export type Examples = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

export const SAMPLE_SESSION = 'headless-events-send';
export const PRODUCT = { product_id: '7003338965178', variant_id: '41218393342138', title: 'Linen shirt' };

/** The example of a type; empty for a custom name of the shop. */
export const exampleIn = (examples: Examples, type: string): object =>
  Object.hasOwn(examples, type) ? (examples[type] ?? {}) : {};
