import type { Shop } from '../../schemas/config.ts';
import type { Event } from '../../schemas/event.ts';
import type { BodyLimits, Documentation, InboundRequest, Reply } from './dialect.ts';
import type { Sample } from './sample.ts';

/** A call of a contract without events. Tokens, origins, limits and errors are the same as for events. */
export interface SideCall {
  /** With the dialect's name in front, the name in `headless-events send`. */
  readonly name: string;
  readonly path: string;
  readonly documentation: Documentation;
  /** One request, by its name in the OpenAPI document. */
  readonly examples: Readonly<Record<string, { readonly description: string; readonly value: unknown }>>;
  readonly sample: Sample;
  /** Throws RequestRefused. */
  answer(request: SideRequest, tools: SideCallTools): Promise<Reply>;
}

/** An admitted request. */
export interface SideRequest {
  readonly inbound: InboundRequest;
  readonly shop: Shop;
  /** Whether the headers named the shop. */
  readonly shopNamed: boolean;
  readonly trust: 'public' | 'server';
  readonly body: string;
}

export interface SideCallTools {
  /** What is known of a visitor, by any of the given ids. Never rejects: if the log cannot be read, nothing is known. */
  visitorOf(shop: string, ids: VisitorIds): Promise<Visitor>;
  /** Forwards a request to a server that still answers such calls. */
  readonly upstream: Upstream;
  /** A new random id. It must be unguessable: it opens what is known of its visitor. */
  mint(): string;
  readonly limits: BodyLimits;
}

export type VisitorIds = Pick<Event, 'user_id' | 'device_id' | 'customer_id'>;

/** Products by their ids, the last one first. */
export interface Visitor {
  readonly browsed: readonly string[];
  readonly cart: readonly string[];
  readonly purchased: readonly string[];
}

export interface Upstream {
  /**
   * The body that a server answers with 200 if `accepts` it. Undefined if the server fails, is too slow, answers too much or failed a moment
   * ago. Never rejects.
   */
  ask(server: UpstreamServer, request: PassedRequest): Promise<string | undefined>;
}

export interface UpstreamServer {
  /** For the log, which never has its URL. */
  readonly name: string;
  readonly url: string;
  readonly allowPrivateNetworks: boolean;
}

export interface PassedRequest {
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly accepts: (answer: string) => boolean;
}
