import type { TSchema } from 'typebox';
import type { Shop } from '../../schemas/config.ts';
import type { Event } from '../../schemas/event.ts';
import type { Kind } from './kind.ts';
import type { Priority } from './priority.ts';
import type { Replaced } from './replaced.ts';
import type { Sample } from './sample.ts';
import type { ShopSettings } from './shop-settings.ts';
import type { SideCall } from './side-call.ts';

/** What a dialect may know of a request: no framework, no body yet. */
export interface InboundRequest {
  /** Lower-case names, as Node gives them. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Decoded value of a query parameter, the first that is not blank where it came several times, or undefined. */
  query(name: string): string | undefined;
}

/** Where this contract carries its token and its shop, unchecked. */
export interface Credentials {
  readonly token?: string | undefined;
  /** What the token is where `token` is none: a query says a blank where a plus was written. */
  readonly otherwise?: string | undefined;
  /** The shop that the headers name: its domain in lower case, also where they give a URL. */
  readonly shop?: string | undefined;
}

/** What the shop of the request allows. */
export interface Rules {
  /** The shop's domain. */
  readonly shop: string;
  /** Whether a domain, already in lower case and without scheme, names this shop (its own domain or an alias). */
  readonly names: (domain: string) => boolean;
  /** Whether the request's headers named the shop already, so that the body need not. */
  readonly shopNamed?: boolean;
  /** Event names beyond the contract's own that this shop accepts. */
  readonly customEvents: ReadonlySet<string>;
  readonly limits: BodyLimits;
  /** When the request was received, in milliseconds since 1970: times are judged by it. */
  readonly receivedAt: number;
}

export interface BodyLimits {
  /** Deepest nesting of an event, in levels. */
  readonly depth: number;
  /** Most keys of one event, nested ones included. */
  readonly keys: number;
  /** Longest text of one field, in characters. */
  readonly text: number;
  /** Largest single event, in bytes of its JSON text. */
  readonly eventBytes: number;
}

/** An event that may be stored: its place in the body, its id, and by what it is told from another event with the same id. */
export interface Draft {
  readonly index: number;
  readonly id: string;
  /** `kindOf` its type, session and device; left out where they are not known. */
  readonly kind?: Kind | undefined;
  /** By which version of `derivedId` its id was made; left out where the client sent it. */
  readonly derived?: number | undefined;
  /** `orderOf` a purchase, where it states one. */
  readonly order?: string | undefined;
}

/** An event that may not be stored, and every reason, each saying what was expected and what came. */
export interface Refusal {
  /** Place in the body; undefined where the body as a whole was refused. */
  readonly index?: number | undefined;
  readonly id?: string | undefined;
  /** The type as the client named it, where it could be read. */
  readonly name?: string | undefined;
  /** Short stable word for metrics: invalid, unknown_type, too_large, too_deep, too_many_keys … */
  readonly code: string;
  readonly reasons: readonly string[];
  /** The event (or body) as JSON text, as it came. */
  readonly raw: string;
}

export interface Reading {
  readonly events: readonly Draft[];
  readonly refused: readonly Refusal[];
  /** What the events do without, of all that they came with; left out where that is nothing. */
  readonly replaced?: readonly Replaced[];
}

/** What enrichment found about a request; stored beside the body, so that mapping needs nothing else. */
export interface Context {
  readonly shop: string;
  /** Milliseconds since 1970. */
  readonly receivedAt: number;
  readonly trust: 'public' | 'server';
  /** The channel as the request suggests it; an event's own value wins. */
  readonly channel: 'web' | 'app';
  readonly geo?: { readonly country?: string; readonly state?: string; readonly city?: string };
  readonly agent?: {
    readonly device?: string;
    readonly browser?: string;
    readonly os?: string;
    readonly bot?: boolean;
  };
  /** The request's headers that the dialect asked to keep (`Dialect.kept`), those that were there. */
  readonly headers?: Readonly<Record<string, string>>;
}

export interface IngestResult {
  readonly accepted: number;
  readonly duplicate: number;
  readonly rejected: number;
}

export interface Reply {
  readonly status: number;
  /** JSON text, or undefined for no body. */
  readonly body?: string | undefined;
}

/** Why a request gets no 2xx. `message` is for the client: what was expected, what came, what to do; never a token. */
export class RequestRefused extends Error {
  readonly status: 400 | 401 | 403 | 404 | 405 | 408 | 413 | 415 | 422 | 429 | 500 | 503;
  /** Set where the body was read and is to be kept in quarantine. */
  readonly refusal: Refusal | undefined;
  /** Short stable word for metrics and log lines, of a few. */
  readonly reason: string;
  constructor(status: RequestRefused['status'], message: string, refusal?: Refusal, options?: RefusedOptions) {
    super(message, options);
    this.name = 'RequestRefused';
    this.status = status;
    this.refusal = refusal;
    this.reason = options?.reason ?? refusal?.code ?? REASONS[status];
  }
}

interface RefusedOptions extends ErrorOptions {
  readonly reason?: string;
}

/** What a refusal is called that has no word of its own. */
const REASONS: Readonly<Record<RequestRefused['status'], string>> = {
  400: 'invalid',
  401: 'token',
  403: 'shop',
  404: 'address',
  405: 'method',
  408: 'timeout',
  413: 'too_large',
  415: 'content_type',
  422: 'invalid',
  429: 'rate',
  500: 'fault',
  503: 'unavailable',
};

/** What the OpenAPI document says of a contract, beyond what is the same for all of them. */
export interface Documentation {
  readonly operationId: string;
  readonly summary: string;
  /** Where the token goes, any one of these: OpenAPI's security schemes by name. */
  readonly security: Readonly<Record<string, object>>;
  /** OpenAPI's parameters, beside the token. */
  readonly parameters?: readonly object[];
  readonly body: TSchema;
  /** Shapes that come up often, by the names they are written down under. */
  readonly shapes: Readonly<Record<string, TSchema>>;
  /** Its own answers, by status. `body` is left out where there is none. */
  readonly answers: Readonly<Record<number, { readonly description: string; readonly body?: TSchema }>>;
  /** What answers that every contract gives (401, 403, 405, 413, 415, 429, 503) look like in this one. */
  refusal(status: number): TSchema;
}

/** A stored body speaks a dialect that this version does not know. */
export class UnknownDialect extends Error {
  constructor(dialect: string, known: readonly string[]) {
    super(`a stored body speaks the dialect "${dialect}", and this version knows ${known.join(', ')}`);
    this.name = 'UnknownDialect';
  }
}

/** More than may come now: the client is told when to come again. */
export class TooManyRequests extends RequestRefused {
  readonly seconds: number;
  constructor(seconds: number) {
    super(429, `too many requests for now: send it again in ${seconds} s`);
    this.seconds = seconds;
  }
}

/**
 * One inbound wire contract. Pure: no clock, no network, no framework. The server authenticates with what `credentials` found,
 * calls `read` with the body, stores the bytes, and answers with `accepted` or `refused`. Much later, when the record is
 * read from the log, it calls `view` with the same bytes.
 */
export interface Dialect {
  readonly name: string;
  readonly path: string;
  /** Media types this contract takes, lower case, without parameters; '' stands for a request without Content-Type. */
  readonly contentTypes: readonly string[];
  readonly documentation: Documentation;
  /** The names of the contract's events, each with the canonical type that it becomes. */
  readonly names: Readonly<Record<string, string>>;
  /** Headers, in lower case, that pages send beside Content-Type: browsers ask whether they may. */
  readonly browserHeaders?: readonly string[];
  /** Headers, in lower case, that say something of the event which its body need not say: `view` finds them in the context, cut to 200 characters. */
  readonly kept?: readonly string[];
  /** What a shop can set for this dialect alone. */
  readonly settings?: ShopSettings;
  /** Further paths of the contract, which bring no events. */
  readonly sideCalls?: readonly SideCall[];
  /** How much a shop would miss a body of events, whatever its bytes are: while the gateway is overloaded, browsing is refused first. */
  priorityOf(body: Buffer): Priority;
  /** An event that `headless-events send` can send. */
  readonly sample: Sample;
  credentials(request: InboundRequest): Credentials;
  /** Whether this shop lets clients of the contract name the shop in a header and go without a token. */
  tokenless?(shop: Shop): boolean;
  /** Parses and validates. Throws RequestRefused (with a refusal, so that it is kept) where the body as a whole is wrong. */
  read(body: string, rules: Rules): Reading;
  /** The body that holds one event, given as it stood in another body. */
  single(event: string): string;
  /**
   * The events at these places of a body that `read` has accepted; total: never throws for such a body. One per index, in order.
   * `derivations`: by which version the id of each was made, 0 where the client sent it, as stored; left out, as `read` would do it now.
   */
  view(body: string, indexes: readonly number[], context: Context, derivations?: readonly number[]): Event[];
  /** What the client sent as each of these events, with its numbers as that version of the derivation reads them. */
  sent(body: string, indexes: readonly number[], derivation: number): readonly object[];
  /** The answer for stored events; `successStatus` is the shop's wish where the contract leaves a choice. */
  accepted(result: IngestResult, successStatus?: number): Reply;
  /** The answer in this contract's own words. */
  refused(error: RequestRefused): Reply;
}

/**
 * Makes events of stored bytes: the dialects' views, given to the log when it is opened. `derivations`: by which version the id of each
 * was made, 0 where the client sent it; left out, as it would be now.
 */
export type View = (
  dialect: string,
  body: string,
  indexes: readonly number[],
  context: Context,
  derivations?: readonly number[],
) => Event[];

/** For each of these events of a body eight hexadecimal digits that tell its content, as sent, from another's, as a version of the derivation reads it. */
export type Contents = (dialect: string, body: string, indexes: readonly number[], derivation: number) => string[];
