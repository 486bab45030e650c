import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Inbound } from '../ingest/ingest.ts';
import { clientAddress } from './client-address.ts';

const REQUEST_ID = /^[\w.-]{1,64}$/;

/** What dialects and enrichment may see of a request. */
export function inboundOf(request: IncomingMessage, trustProxyHops: number): Inbound {
  const url = request.url ?? '';
  let query: URLSearchParams | undefined;
  return {
    headers: request.headers,
    // Computed on demand: few requests need it, and it is not cheap.
    get address() {
      return clientAddress(request.headers, request.socket.remoteAddress, trustProxyHops);
    },
    query: (name) => {
      const mark = url.indexOf('?');
      if (mark < 0) return undefined;
      query ??= new URLSearchParams(url.slice(mark + 1));
      const values = query.getAll(name);
      return values.find((value) => value.trim() !== '') ?? values[0];
    },
  };
}

/** Ties an answer to its log line: a router's X-Request-Id if it is harmless, else a new id. */
export function requestIdOf({ headers }: IncomingMessage): string {
  const given = headers['x-request-id'];
  return typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
}
