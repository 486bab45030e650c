import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { gzipSync } from 'node:zlib';
import { destinations } from '../../adapters/destinations/index.ts';
import type { Event } from '../../schemas/event.ts';
import { buildOf } from '../../server/base/build.ts';
import { systemClock } from '../../server/base/clock.ts';
import { createLogger } from '../../server/base/logger.ts';
import { loadConfig } from '../../server/config/load.ts';
import { type Environment, readSettings, rolesOf } from '../../server/config/settings.ts';
import { type Gateway, type GatewayOptions, startGateway } from '../../server/process/gateway.ts';

export const SHOP = 'demo.myshopify.com';

/** A gateway in this process on a port of its own: the configuration as YAML text, the environment as an operator would set it. */
export async function gatewayWith(
  config: string,
  env: Environment = {},
  options: Partial<GatewayOptions> = {},
): Promise<Gateway> {
  const settings = readSettings({ PORT: '0', HOST: '127.0.0.1', LOG_URL: 'memory:', LOG_LEVEL: 'silent', ...env });
  return startGateway({
    settings,
    config: configOf(config),
    roles: rolesOf(settings, env),
    clock: systemClock,
    random: Math.random,
    logger: createLogger(settings.LOG_LEVEL),
    build: buildOf(env),
    onFailure: (error) => {
      throw error;
    },
    ...options,
  });
}

export const configOf = (source: string) => loadConfig({ source, env: {}, destinations });

export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** How a body travels: in one piece with its length, in chunks, or compressed. The gateway answers all alike. */
export type Lane = 'plain' | 'chunked' | 'gzip';
export const lanes: readonly Lane[] = ['plain', 'chunked', 'gzip'];

export interface Call {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  readonly lane?: Lane;
  /** On a connection of its own. */
  readonly alone?: boolean;
}

export function call(
  port: number,
  { method = 'POST', path = '/beacon', headers = {}, body = '', lane = 'plain', alone = false }: Call,
): Promise<Reply> {
  const bytes = lane === 'gzip' ? gzipSync(body) : Buffer.from(body);
  const length: Record<string, string> =
    lane === 'chunked' ? { 'transfer-encoding': 'chunked' } : { 'content-length': String(bytes.length) };
  const encoding: Record<string, string> = lane === 'gzip' ? { 'content-encoding': 'gzip' } : {};
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      {
        port,
        host: '127.0.0.1',
        method,
        path,
        headers: { ...length, ...encoding, ...headers },
        ...(alone && { agent: false }),
      },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          text += chunk;
        });
        response.on('end', () => {
          const status = response.statusCode ?? 0;
          // After refusals the gateway reads a connection slowly. The next call has another one.
          if (status >= 400) request.socket?.destroy();
          resolve({ status, headers: response.headers, body: text });
        });
        response.on('error', reject);
      },
    );
    request.on('error', reject);
    request.end(method === 'GET' ? undefined : bytes);
  });
}

let made = 0;
/** A valid Layers event with an id of its own. */
export const layersEvent = (fields: object = {}): object => ({
  event_id: `e-${++made}`,
  event_type: 'product_view',
  timestamp: '2026-06-01T12:00:00Z',
  session_id: 's1',
  product_id: 7003338965178,
  ...fields,
});

export const beacon = (port: number, events: readonly unknown[], call_: Call = {}): Promise<Reply> =>
  call(port, {
    ...call_,
    headers: { 'x-storefront-access-token': 'demo-token', 'content-type': 'application/json', ...call_.headers },
    body: call_.body ?? JSON.stringify({ events }),
  });

export const glood = (port: number, body: unknown, call_: Call = {}): Promise<Reply> =>
  call(port, {
    path: '/api/storefront/v3/headless/events',
    ...call_,
    headers: {
      authorization: 'Bearer demo-token',
      'x-shop': SHOP,
      'content-type': 'application/json',
      ...call_.headers,
    },
    body: call_.body ?? JSON.stringify(body),
  });

export const tapcart = (port: number, body: unknown, call_: Call = {}): Promise<Reply> =>
  call(port, {
    path: '/webhooks/tapcart?token=demo-token',
    ...call_,
    headers: { 'content-type': 'application/json', ...call_.headers },
    body: call_.body ?? JSON.stringify(body),
  });

/** What a sink's request of ours holds. */
export const eventsIn = (body: string): Event[] => (JSON.parse(body) as { data: { events: Event[] } }).data.events;
