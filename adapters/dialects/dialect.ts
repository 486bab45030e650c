import type { TSchema } from 'typebox';
import type { Shop } from '../../schemas/config.ts';
import type { Event } from '../../schemas/event.ts';
import type { Kind } from './kind.ts';
import type { Priority } from './priority.ts';
import type { Replaced } from './replaced.ts';
import type { Sample } from './sample.ts';
import type { ShopSettings } from './shop-settings.ts';
import type { SideCall } from './side-call.ts';

/** What a dialect sees of a request before its body: no framework. */
export interface InboundRequest {
  /** Lower-case names, as Node gives them. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Decoded value of a query parameter; the first one that is not blank if there are several. Undefined if there is none. */
  query(name: string): string | undefined;
}

/** The token and the shop that a request carries, unchecked. */
export interface Credentials {
  readonly token?: string | undefined;
  /** The token if `token` is unknown: a query decodes a plus as a blank. */
  readonly otherwise?: string | undefined;
  /** The domain of the shop that the headers name, in lower case, also if they give a URL. */
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

/** An event that may be stored: its place in the body, its id, and what tells it apart from another event with that id. */
export interface Draft {
  readonly index: number;
  readonly id: string;
  /** `kindOf` its type, session and device; absent if unknown. */
  readonly kind?: Kind | undefined;
  /** The version of `derivedId` that made its id; absent if the client sent the id. */
  readonly derived?: number | undefined;
  /** `orderOf` a purchase; absent if it names no order. */
  readonly order?: string | undefined;
}

/** An event that may not be stored, with every reason: what was expected and what came. */
export interface Refusal {
  /** Place in the body; undefined where the body as a whole was refused. */
  readonly index?: number | undefined;
  readonly id?: string | undefined;
  /** The type as the client named it, if it could be read. */
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
  /** The values that the events lost; absent if there are none. */
  readonly replaced?: readonly Replaced[];
}

/** What enrichment found about a request. It is stored beside the body, so the view needs nothing else. */
export interface Context {
  readonly shop: string;
  /** Milliseconds since 1970. */
  readonly receivedAt: number;
  readonly trust: 'public' | 'server';
  /** The channel that the request suggests; an event's own value wins. */
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

/** Why a request is refused. `message` is for the client: what was expected, what came, what to do; never a token. */
export class RequestRefused extends Error {
  readonly status: 400 | 401 | 403 | 404 | 405 | 408 | 413 | 415 | 422 | 429 | 500 | 503;
  /** Set if the body was read and goes to quarantine. */
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

/** The reason of a refusal that names none. */
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

/** What the OpenAPI document says about a dialect, beyond what is the same for all. */
export interface Documentation {
  readonly operationId: string;
  readonly summary: string;
  /** Where the token goes: OpenAPI security schemes by name, of which any one is enough. */
  readonly security: Readonly<Record<string, object>>;
  /** OpenAPI's parameters, beside the token. */
  readonly parameters?: readonly object[];
  readonly body: TSchema;
  /** Shared schemas, by their names in the document. */
  readonly shapes: Readonly<Record<string, TSchema>>;
  /** Its own answers, by status. `body` is absent if there is none. */
  readonly answers: Readonly<Record<number, { readonly description: string; readonly body?: TSchema }>>;
  /** The body of a refusal (401, 403, 405, 413, 415, 429, 503) in this contract. */
  refusal(status: number): TSchema;
}

/** A stored body is of a dialect that this version does not know. */
export class UnknownDialect extends Error {
  constructor(dialect: string, known: readonly string[]) {
    super(`a stored body speaks the dialect "${dialect}", and this version knows ${known.join(', ')}`);
    this.name = 'UnknownDialect';
  }
}

/** The rate limit is exceeded: the client is told when to try again. */
export class TooManyRequests extends RequestRefused {
  readonly seconds: number;
  constructor(seconds: number) {
    super(429, `too many requests for now: send it again in ${seconds} s`);
    this.seconds = seconds;
  }
}

/**
 * One inbound wire contract. Pure: no clock, network or framework. The server authenticates with `credentials`, calls `read` with the body,
 * stores the bytes, and answers with `accepted` or `refused`. Later, when the record is read from the log, it calls `view` with the same bytes.
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
  /** Headers (in lower case) with facts about the event that its body may lack. `view` finds them in the context, cut to 200 characters. */
  readonly kept?: readonly string[];
  /** What a shop can set for this dialect alone. */
  readonly settings?: ShopSettings;
  /** Further paths of the contract, which bring no events. */
  readonly sideCalls?: readonly SideCall[];
  /** The priority of a body, whatever its bytes are: under overload browse events are refused first. */
  priorityOf(body: Buffer): Priority;
  /** An event that `headless-events send` can send. */
  readonly sample: Sample;
  credentials(request: InboundRequest): Credentials;
  /** Whether clients of this shop may name it in a header and send no token. */
  tokenless?(shop: Shop): boolean;
  /** Parses and validates. Throws RequestRefused if the body as a whole is wrong, with a refusal so that it is kept. */
  read(body: string, rules: Rules): Reading;
  /** A body with this one event, which is given as it was in another body. */
  single(event: string): string;
  /**
   * The events at these places of an accepted body, in order. Total: never throws for such a body. `derivations`: the stored version that made
   * each id, 0 if the client sent it; without it, the current version.
   */
  view(body: string, indexes: readonly number[], context: Context, derivations?: readonly number[]): Event[];
  /** What the client sent for each of these events, with numbers as that version of the derivation reads them. */
  sent(body: string, indexes: readonly number[], derivation: number): readonly object[];
  /** The answer for stored events. `successStatus`: the shop's choice, if the contract leaves one. */
  accepted(result: IngestResult, successStatus?: number): Reply;
  /** The answer to a refused request in this contract's format. */
  refused(error: RequestRefused): Reply;
}

/** Makes events of stored bytes with the views of the dialects; the log gets it when it is opened. `derivations`: as in `Dialect.view`. */
export type View = (
  dialect: string,
  body: string,
  indexes: readonly number[],
  context: Context,
  derivations?: readonly number[],
) => Event[];

/** For each of these events eight hex digits that identify its content as sent, as a version of the derivation reads it. */
export type Contents = (dialect: string, body: string, indexes: readonly number[], derivation: number) => string[];
