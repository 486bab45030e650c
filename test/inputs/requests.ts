import type { Sent } from './row.ts';

/*
 * What the rows send, each request with what its contract asks for. Fields that are given replace those of the example; undefined leaves them out.
 */

type Fields = Readonly<Record<string, unknown>>;
type More = Partial<Sent>;

const JSON_TYPE = { 'content-type': 'application/json' };

/** A Layers event that its contract takes. */
export const layersExample = (fields: Fields = {}): Fields => ({
  event_id: 'event-1',
  event_type: 'product_view',
  timestamp: '2026-06-01T12:00:00Z',
  session_id: 'session-1',
  product_id: 7003338965178,
  ...fields,
});

/** One event to Layers. */
export const layers = (fields: Fields = {}, more: More = {}): Sent => batch([layersExample(fields)], more);

/** Several entries to Layers. */
export const batch = (events: readonly unknown[], more: More = {}): Sent =>
  layersText(JSON.stringify({ events }), more);

/** One event to Layers with these fields as JSON text: digits stay as they are written here. */
export const layersWith = (text: string, more: More = {}): Sent => {
  const others = Object.entries(layersExample()).filter(([key]) => !text.includes(`"${key}":`));
  return layersText(`{"events":[${JSON.stringify(Object.fromEntries(others)).slice(0, -1)},${text}}]}`, more);
};

/** Any text to Layers. */
export const layersText = (body: string | Buffer, { headers, ...more }: More = {}): Sent => ({
  speaks: 'layers',
  path: '/beacon',
  body,
  ...more,
  headers: { ...JSON_TYPE, 'x-storefront-access-token': '{token}', ...headers },
});

/** One event to Layers whose token can only stand in the address. */
export const layersByQuery = (path: string): Sent => ({ ...layers({}, { path }), headers: JSON_TYPE });

export const GLOOD_PATH = '/api/storefront/v3/headless/events';

/** One event to Glood: fields of its `event`, and of the body around it. */
export const glood = (event: Fields = {}, around: Fields = {}, more: More = {}): Sent => {
  const example = { id: 'event-1', name: 'page_viewed', timestamp: '2026-06-01T12:00:00Z' };
  return gloodText(JSON.stringify({ event: { ...example, ...event }, session_id: 'session-1', ...around }), more);
};

/** Any text to Glood. */
export const gloodText = (body: string | Buffer, { headers, ...more }: More = {}): Sent => ({
  speaks: 'glood',
  path: GLOOD_PATH,
  body,
  ...more,
  headers: { ...JSON_TYPE, authorization: 'Bearer {token}', 'x-shop': '{shop}', ...headers },
});

/** The first call of a Glood client. */
export const init = (body: Fields | string = {}, more: More = {}): Sent => ({
  ...gloodText(typeof body === 'string' ? body : JSON.stringify(body), more),
  speaks: 'init',
  path: more.path ?? '/api/storefront/v3/headless/init',
});

/** One event by Tapcart's webhook. */
export const tapcart = (fields: Fields = {}, more: More = {}): Sent => {
  const example = { event: 'productViewed', data: { productId: '7003338965178' }, properties: {} };
  return tapcartText(JSON.stringify({ ...example, mp_metadata: METADATA, ...fields }), more);
};

const METADATA = { mp_event_id: 'event-1', mp_session_id: 'session-1' };

export const tapcartText = (body: string | Buffer, { headers, ...more }: More = {}): Sent => ({
  speaks: 'tapcart',
  path: '/webhooks/tapcart?token={token}',
  body,
  ...more,
  headers: { ...JSON_TYPE, ...headers },
});

/** What a browser asks before it sends such a request. */
export const preflight = (origin: string, asked: string, path = '/beacon?token={token}', more: More = {}): Sent => ({
  speaks: 'other',
  method: 'OPTIONS',
  path,
  ...more,
  headers: {
    origin,
    'access-control-request-method': 'POST',
    'access-control-request-headers': asked,
    ...more.headers,
  },
});

/** The bytes of a connection. Line ends of the head are written `\n` here and sent as CR LF. */
export const bytes = (head: string, body: string | Buffer = '', more: More = {}): Sent => ({
  speaks: 'layers',
  raw: Buffer.concat([Buffer.from(`${head.replaceAll('\n', '\r\n')}\r\n\r\n`, 'latin1'), Buffer.from(body)]),
  ...more,
});
