import fetch, { type RequestInit, type Response } from 'node-fetch';
import { withoutCredentials } from '../config/shown.ts';
import type { AdminFlags } from './flags.ts';
import { EXIT, Failure, type Terminal } from './output.ts';

type Query = Readonly<Record<string, string | number | readonly string[] | undefined>>;

/** The admin API of one gateway. Every call throws a Failure that says what to do. */
export interface AdminClient {
  get<T>(path: string, query?: Query): Promise<T>;
  post<T>(path: string, body?: object): Promise<T>;
  /** The body as it arrives; ends when the signal aborts. */
  stream(path: string, query: Query, signal: AbortSignal): Promise<AsyncIterable<string | Buffer>>;
}

/** No gateway answered; a retry may succeed. */
export class NoAnswer extends Failure {}

const TIMEOUT_MS = 60_000;

/** `flag`: the flag with the address, for messages. */
export function adminClient(
  { url, adminToken }: AdminFlags,
  { env }: Pick<Terminal, 'env'>,
  flag = '--url',
): AdminClient {
  const token = (adminToken ?? env.ADMIN_TOKEN)?.trim();
  if (!token) {
    throw new Failure(
      'ADMIN_TOKEN: must be the token that the gateway runs with, got nothing; set ADMIN_TOKEN (the demo prints its own at the start), or give --admin-token',
      EXIT.usage,
    );
  }
  const base = baseOf(url, flag);
  const ask = async (target: URL, init: RequestInit): Promise<Response> => {
    const headers = { ...(init.headers as Record<string, string>), Authorization: `Bearer ${token}` };
    const response = await answerOf(base, target, { ...init, headers, redirect: 'manual' });
    if (!response.ok) throw await failureOf(base, response);
    return response;
  };
  return {
    get: async <T>(path: string, query: Query = {}) => {
      const signal = AbortSignal.timeout(TIMEOUT_MS);
      return jsonOf<T>(base, await ask(targetOf(base, path, query), { headers: {}, signal }));
    },
    post: async <T>(path: string, body: object = {}) => {
      const init = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) };
      return jsonOf<T>(base, await ask(targetOf(base, path, {}), { ...init, signal: AbortSignal.timeout(TIMEOUT_MS) }));
    },
    stream: async (path, query, signal) => {
      const response = await ask(targetOf(base, path, query), { headers: {}, signal });
      const { body } = response;
      // An HTML page of another server would look like an empty stream.
      if (/^text\/html/.test(response.headers.get('content-type') ?? '')) throw notAGateway(base, response);
      if (body === null) throw new Failure(`The gateway at ${base.origin} answered without a body.`);
      return body;
    },
  };
}

/** A path of `/admin` with its values encoded. */
export const path = (texts: TemplateStringsArray, ...values: readonly string[]): string =>
  texts.map((text, index) => (index === 0 ? text : encodeURIComponent(values[index - 1] ?? '') + text)).join('');

/** The address of a gateway. Throws a Failure if it is no such address, or has a password, which every failure would print. */
export function baseOf(url: string, flag = '--url'): URL {
  const base = URL.canParse(url) ? new URL(url) : undefined;
  if (base && /^https?:$/.test(base.protocol) && base.username === '' && base.password === '') return base;
  const wanted = 'an address such as http://localhost:3000, without user and password';
  throw new Failure(`${flag}: must be ${wanted}, got ${withoutCredentials(url)}`, EXIT.usage);
}

function targetOf(base: URL, pathname: string, query: Query): URL {
  const target = new URL(pathname, base);
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) target.searchParams.set(name, String(value));
  }
  return target;
}

async function answerOf(base: URL, target: URL, init: RequestInit): Promise<Response> {
  try {
    return await fetch(target, init);
  } catch (cause) {
    throw noAnswerFailure(base, cause, TIMEOUT_MS);
  }
}

async function jsonOf<T>(base: URL, response: Response): Promise<T> {
  try {
    return (await response.json()) as T;
  } catch (cause) {
    throw notAGateway(base, response, { cause });
  }
}

/** Another server answers, or a proxy in front of the gateway. */
export function notAGateway({ origin }: URL, { status, headers }: Response, options?: ErrorOptions): Failure {
  const [type = ''] = (headers.get('content-type') ?? '').split(';');
  return new Failure(
    `What answers at ${origin} is no gateway: it sent HTTP ${status} with ${type.trim() || 'no content type'} instead of JSON. Give the gateway's address with --url.`,
    EXIT.failed,
    options,
  );
}

/** A redirect. It is never followed, since the token is for this address only. */
export function redirectFailure({ origin }: URL, { status, headers }: Response): Failure {
  const location = headers.get('location');
  const to = location === null ? 'elsewhere' : withoutCredentials(location);
  return new Failure(
    `${origin} redirects to ${to} (HTTP ${status}). Redirects are not followed: give that address with --url.`,
  );
}

export const isRedirect = ({ status }: Response): boolean => status >= 300 && status < 400;

/** Nothing answers, or not in time. */
export function noAnswerFailure({ origin, protocol }: URL, cause: unknown, timeoutMs: number): NoAnswer {
  const tls = protocol === 'https:' ? ' Does it speak TLS?' : '';
  return new NoAnswer(
    `No gateway answers at ${origin}: ${reasonOf(cause, timeoutMs)}. Is it running?${tls} Give another address with --url.`,
    EXIT.failed,
    { cause },
  );
}

/** The reason without the address, which the message names already. */
function reasonOf(cause: unknown, timeoutMs: number): string {
  if (!(cause instanceof Error)) return 'the request failed';
  if (cause.name === 'AbortError' || cause.name === 'TimeoutError') return `no answer within ${timeoutMs / 1000} s`;
  const { code } = cause as NodeJS.ErrnoException;
  const said = cause.message.split('reason: ').at(-1)?.trim() ?? '';
  return said === '' || said.startsWith('request to ') ? String(code ?? cause.name) : said;
}

/** What went wrong, and what to do about it. */
async function failureOf(base: URL, response: Response): Promise<Failure> {
  const { origin } = base;
  const { status, headers } = response;
  const error = await errorOf(response);
  // Every answer of the admin API has this header. Other answers of a gateway, and most other servers, do not.
  const isAdmin = error !== undefined && headers.get('cache-control') === 'no-store';
  if (isRedirect(response)) return redirectFailure(base, response);
  if (error === undefined) return notAGateway(base, response);
  if (status === 401)
    return new Failure(
      `The gateway at ${origin} refused this token. Set ADMIN_TOKEN to the one that it runs with, or give --admin-token.`,
    );
  if (status === 404 && !isAdmin)
    return new Failure(
      `There is no admin API at ${origin}. Start the gateway with ADMIN_TOKEN set to 32 characters or more (headless-events token --admin makes one).`,
    );
  if (status === 429)
    return new Failure(
      `Too many wrong tokens were tried at ${origin}, and this one is wrong too. The right one always works: set ADMIN_TOKEN to the one that the gateway runs with, or give --admin-token.`,
    );
  if (status === 503 && headers.has('retry-after'))
    return new Failure(
      `The gateway at ${origin} cannot do this now: ${error ?? 'no reason given'}. Try again in ${headers.get('retry-after')} seconds.`,
    );
  const said = error ?? 'no reason given';
  const sentence = said.endsWith('?') ? said : `${said}.`;
  if (status === 400) return new Failure(`The gateway refused this: ${sentence}`, EXIT.usage);
  if (status === 404) return new Failure(`Not found: ${sentence}`);
  if (status === 409) return new Failure(`Not now: ${sentence}`);
  return new Failure(`The gateway at ${origin} failed with HTTP ${status}: ${said}`);
}

async function errorOf(response: Response): Promise<string | undefined> {
  try {
    const { error } = (await response.json()) as { error?: unknown };
    return typeof error === 'string' ? error.replace(/\.$/, '') : undefined;
  } catch {
    return undefined;
  }
}
