import type { Shop } from '../../schemas/config.ts';
import type { Event } from '../../schemas/event.ts';
import type { BodyLimits, Documentation, InboundRequest, Reply } from './dialect.ts';
import type { Sample } from './sample.ts';

/** A call of a contract that brings no event. Tokens, origins, limits and errors are those of its events. */
export interface SideCall {
  /** Beside the dialect's name it is the name that `headless-events send` knows it by. */
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
  /** What is known of a visitor of a shop, by any of the ids that are given. Never rejects: nothing is known while the log cannot be read. */
  visitorOf(shop: string, ids: VisitorIds): Promise<Visitor>;
  /** Passes a request on to a server that still answers such calls. */
  readonly upstream: Upstream;
  /** A new id that nobody can guess: it opens what is known of its visitor. */
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
   * What a server answers with 200, where `accepts` says that it is an answer. Undefined if the server fails, is too slow, says too
   * much or failed a moment ago. Never rejects.
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
