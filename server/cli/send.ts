import fetch, { type Response } from 'node-fetch';
import { field, isRecord, items } from '../loose.ts';
import { baseOf, isRedirect, noAnswer, noGateway, sendsOn } from './client.ts';
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

const TIMEOUT_MS = 15_000;
const LARGEST_ANSWER_BYTES = 1_000_000;

/** Sends one event to a gateway and says what became of it. Throws a Failure where something else answers. */
export async function send(flags: SendFlags, terminal: Terminal): Promise<Exit> {
  const fields = fieldsOf(flags.data);
  if (fields === undefined) {
    terminal.err(`--data must be a JSON object, got ${flags.data}`);
    return EXIT.usage;
  }
  const { path, headers, body, id } =
    flags.dialect === 'layers' ? layersRequest(flags, fields, terminal) : gloodRequest(flags, fields, terminal);
  const base = baseOf(flags.url);
  const response = await post(base, new URL(`${path}?verbose=1`, base), headers, body);
  if (isRedirect(response)) throw sendsOn(base, response);
  const { status } = response;
  const { text, answer } = await answerIn(base, response);
  const verdict = verdictIn(answer);
  // A gateway stores nothing without saying so, and refuses nothing without a reason.
  if (response.ok ? verdict === undefined : !isRecord(answer)) throw noGateway(base, response);
  const requestId = response.headers.get('x-request-id') ?? '';
  const stored = verdict !== undefined && verdict.verdict !== 'rejected';
  const said = verdict ? [verdict.verdict, ...verdict.reasons].join(': ') : text;
  const outcome = { status, event_id: id, verdict: verdict?.verdict ?? 'refused', request_id: requestId, answer: text };
  show(terminal, flags.json, outcome, [`HTTP ${status}  ${id}  ${said}  (request ${requestId})`]);
  return stored ? EXIT.ok : EXIT.failed;
}

/** What is JSON, as every answer of a gateway is to these paths. */
async function answerIn(base: URL, response: Response): Promise<{ readonly text: string; readonly answer: unknown }> {
  try {
    const text = await response.text();
    return { text, answer: JSON.parse(text) };
  } catch (cause) {
    throw noGateway(base, response, { cause });
  }
}

interface EventVerdict {
  readonly verdict: string;
  readonly reasons: readonly string[];
}

function verdictIn(answer: unknown): EventVerdict | undefined {
  const [first] = items(field(answer, 'events'));
  const verdict = field(first, 'verdict');
  if (typeof verdict !== 'string') return undefined;
  return { verdict, reasons: items(field(first, 'reasons')).map(String) };
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

/** Never follows a redirect: the token in the headers is for this address alone. */
async function post(base: URL, url: URL, headers: Readonly<Record<string, string>>, body: unknown): Promise<Response> {
  try {
    return await fetch(url, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', ...headers },
      body: JSON.stringify(body),
      redirect: 'manual',
      size: LARGEST_ANSWER_BYTES,
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
  } catch (cause) {
    throw noAnswer(base, cause, TIMEOUT_MS);
  }
}
