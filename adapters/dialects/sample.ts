/** A request as a client of a contract sends it: `headless-events send` tries a gateway with it. */
export interface Sample {
  /** The type of its event where none is asked for, as the contract names it. Absent if the call brings no event. */
  readonly type?: string;
  /** Whether the shop must be named beside the token. */
  readonly namesShop: boolean;
  /** What the fields of a wish belong to: the event, or the body around it. */
  readonly fieldsOf: 'event' | 'body';
  request(wish: SampleWish): SampleRequest;
  /** What an answer means that is no verdict on an event: what it is about, and sentences. */
  told?(answer: Readonly<Record<string, unknown>>): { readonly about: string; readonly lines: readonly string[] };
}

export interface SampleWish {
  readonly token: string;
  /** Empty where the contract need not name it. */
  readonly shop: string;
  /** As the contract names it; also a name of the shop's own. */
  readonly type: string;
  /** What goes over the example. */
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

/** What an event of each type may say, so that its contract takes it and every destination can make something of it. */
export type Examples = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

export const SAMPLE_SESSION = 'headless-events-send';
export const PRODUCT = { product_id: '7003338965178', variant_id: '41218393342138', title: 'Linen shirt' };

/** Nothing for a name of the shop's own. */
export const exampleIn = (examples: Examples, type: string): object =>
  Object.hasOwn(examples, type) ? (examples[type] ?? {}) : {};
