import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Inbound } from '../ingest/ingest.ts';
import { clientAddress } from './client-address.ts';

const REQUEST_ID = /^[\w.-]{1,64}$/;

/**
 * What dialects and enrichment may see of a request. A class, since V8 gives each object literal with a getter a shape of its own, which keeps its
 * request in memory until the old generation is collected.
 */
export class InboundOfRequest implements Inbound {
  readonly headers: IncomingMessage['headers'];
  readonly #request: IncomingMessage;
  readonly #trustProxyHops: number;
  #query: URLSearchParams | undefined;

  constructor(request: IncomingMessage, trustProxyHops: number) {
    this.headers = request.headers;
    this.#request = request;
    this.#trustProxyHops = trustProxyHops;
  }

  /** Computed on demand: few requests need it, and it is not cheap. */
  get address(): string | undefined {
    return clientAddress(this.headers, this.#request.socket.remoteAddress, this.#trustProxyHops);
  }

  query(name: string): string | undefined {
    const { url = '' } = this.#request;
    const mark = url.indexOf('?');
    if (mark < 0) return undefined;
    this.#query ??= new URLSearchParams(url.slice(mark + 1));
    const values = this.#query.getAll(name);
    return values.find((value) => value.trim() !== '') ?? values[0];
  }
}

/** Ties an answer to its log line: a router's X-Request-Id if it is harmless, else a new id. */
export function requestIdOf({ headers }: IncomingMessage): string {
  const given = headers['x-request-id'];
  return typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
}
