import { layersEvent, SHOP } from '../support/gateway.ts';
import { beacon, host, request, type Sending } from './wire.ts';

/** Bytes that nobody means well with, and what the gateway is to say to them. */
export interface Input {
  readonly name: string;
  /** The statuses of the answers, in order; none where the connection is closed without a word. */
  readonly answers: readonly number[];
  /** How many events of it are to be taken, or known already; not looked at if absent. */
  readonly taken?: number;
  /** What no answer may say. */
  readonly never?: RegExp;
  readonly sending: () => Sending;
}

export const one = (bytes: Buffer | string, more: Partial<Sending> = {}): Sending => ({ bytes: [bytes], ...more });
export const events = (json: string) => `{"events":[${json}]}`;
/** A product view as JSON text with these fields beside its own. */
export const event = (fields: string) =>
  `{"event_type":"product_view","timestamp":"2026-06-01T12:00:00Z","session_id":"s","product_id":7,${fields}}`;
export const full = 255 * 1024;
export const filled = (unit: string, bytes = full) => unit.repeat(Math.floor(bytes / unit.length));
export const good = () => JSON.stringify({ events: [layersEvent()] });
export const line = 'POST /beacon HTTP/1.1';
export const length = (body: string) => `Content-Length: ${Buffer.byteLength(body)}`;

/** A beacon of this body, and how many events of it are to be taken. */
export const body = (name: string, taken: number, text: string | Buffer): Input => ({
  name,
  answers: [201],
  taken,
  sending: () => one(beacon(text)),
});

/** A beacon whose body is refused as a whole. */
export const refused = (name: string, text: string | Buffer, status = 422): Input => ({
  name,
  answers: [status],
  sending: () => one(beacon(text)),
});

/** A valid beacon with headers beside its own. */
export const headed = (name: string, headers: readonly string[], status = 201): Input => ({
  name,
  answers: [status],
  ...(status === 201 && { taken: 1 }),
  sending: () => one(beacon(good(), headers)),
});

/** A POST with its length stated. */
export const posted = (path: string, headers: readonly string[], text: string | Buffer): Buffer =>
  request(`POST ${path} HTTP/1.1`, [host, ...headers, `Content-Length: ${Buffer.byteLength(text)}`], text);

export const bearer = 'Authorization: Bearer demo-token';
export const shop = `X-Shop: ${SHOP}`;
export const gloodPath = '/api/storefront/v3/headless/events';
export const initPath = '/api/storefront/v3/headless/init';
export const gloodEvent = (more = '') => `{"event":{"id":"g-1","name":"page_viewed"},"session_id":"s"${more}}`;
