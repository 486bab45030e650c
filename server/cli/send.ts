import fetch from 'node-fetch';
import { baseOf } from './client.ts';
import { EXIT, type Exit, show, type Terminal } from './output.ts';

export interface SendFlags {
  readonly url: string;
  readonly token: string;
  readonly dialect: 'layers' | 'glood';
  readonly shop?: string;
  readonly type?: string;
  /** JSON object whose fields go into the event; with glood into the body, those of its `event` into that. */
  readonly data?: string;
  readonly json?: boolean;
}

/** Sends one event to a gateway and says what became of it. */
export async function send(flags: SendFlags, terminal: Terminal): Promise<Exit> {
  const fields = fieldsOf(flags.data);
  if (fields === undefined) {
    terminal.err(`--data must be a JSON object, got ${flags.data}`);
    return EXIT.usage;
  }
  const { path, headers, body, id } =
    flags.dialect === 'layers' ? layersRequest(flags, fields, terminal) : gloodRequest(flags, fields, terminal);
  const base = baseOf(flags.url);
  const answer = await post(new URL(`${path}?verbose=1`, base), headers, body);
  if ('failure' in answer) {
    terminal.err(`No gateway answers at ${base.origin}: ${answer.failure}. Is it running? Name another with --url.`);
    return EXIT.failed;
  }
  const { status, text, requestId } = answer;
  const verdict =
    status < 300 ? (JSON.parse(text) as { events: { verdict: string; reasons?: string[] }[] }).events[0] : undefined;
  const stored = verdict !== undefined && verdict.verdict !== 'rejected';
  const said = verdict ? [verdict.verdict, ...(verdict.reasons ?? [])].join(': ') : text;
  const outcome = { status, eventId: id, verdict: verdict?.verdict ?? 'refused', requestId, answer: text };
  show(terminal, flags.json, outcome, [`HTTP ${status}  ${id}  ${said}  (request ${requestId})`]);
  return stored ? EXIT.ok : EXIT.failed;
}

function fieldsOf(data = '{}'): Record<string, unknown> | undefined {
  try {
    const fields: unknown = JSON.parse(data);
    return typeof fields === 'object' && fields !== null && !Array.isArray(fields) ? { ...fields } : undefined;
  } catch {
    return undefined;
  }
}

interface Sendable {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
  readonly id: string;
}

function layersRequest(
  { token, type = 'product_view' }: SendFlags,
  fields: Record<string, unknown>,
  { now, randomId }: Terminal,
): Sendable {
  const event: Record<string, unknown> = {
    event_id: randomId(),
    event_type: type,
    timestamp: new Date(now()).toISOString(),
    session_id: 'headless-events-send',
    ...(type === 'product_view' && { product_id: 1 }),
    ...fields,
  };
  return {
    path: '/beacon',
    headers: { 'X-Storefront-Access-Token': token },
    body: { events: [event] },
    id: String(event.event_id),
  };
}

function gloodRequest(
  { token, shop, type = 'page_viewed' }: SendFlags,
  fields: Record<string, unknown>,
  { now, randomId }: Terminal,
): Sendable {
  const event = { id: randomId(), name: type, timestamp: new Date(now()).toISOString(), ...Object(fields.event) };
  return {
    path: '/api/storefront/v3/headless/events',
    headers: { Authorization: `Bearer ${token}`, ...(shop && { 'X-Shop': shop }) },
    body: { session_id: 'headless-events-send', ...fields, event },
    id: String(event.id),
  };
}

type HttpAnswer =
  | { readonly status: number; readonly text: string; readonly requestId: string }
  | { readonly failure: string };

async function post(url: URL, headers: Readonly<Record<string, string>>, body: unknown): Promise<HttpAnswer> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', ...headers },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(15_000),
    });
    return {
      status: response.status,
      text: await response.text(),
      requestId: response.headers.get('x-request-id') ?? '',
    };
  } catch (error) {
    return { failure: error instanceof Error ? error.message : String(error) };
  }
}
