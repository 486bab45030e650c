import { type ClientRequest, request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { urlToHttpOptions } from 'node:url';
import { onAbort } from '../on-abort.ts';
import type { Outcome } from '../outcome.ts';
import { version } from '../version.ts';
import { type Network, openAgent, publicAgent, systemNetwork } from './agent.ts';
import { type Answer, excerpt, outcomeOf } from './answer.ts';
import { urlMistakes } from './ssrf.ts';

export interface HttpSettings {
  readonly url: string;
  /** Limit for the whole exchange: name look-up, connection, request and answer. */
  readonly timeoutSeconds: number;
  /** Whether any address and plain http: are allowed; else https: to public addresses only. */
  readonly allowPrivateNetworks: boolean;
  /** Blacked out when the server's words are repeated. */
  readonly secrets: readonly string[];
  /** How much of an answer is read; 4 KB by default. */
  readonly answerBytes?: number;
}

export interface Http {
  /** One POST, one outcome for the events it carried. Never rejects; settles soon after `signal` aborts, with "stopped". */
  post(body: string, headers: Readonly<Record<string, string>>, events: number, signal: AbortSignal): Promise<Outcome>;
  /** One POST; gives the answer, or in words why there is none. Never rejects; settles soon after `signal` aborts. */
  ask(body: string, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Answer | string>;
  /** Closes the connections. */
  close(): void;
}

const usualBytes = 4_096;

/**
 * An HTTP client for URLs of operators. It guards addresses (ssrf.ts), follows no redirects, decompresses nothing, reads only the start of an
 * answer, and keeps connections. An answer that breaks off or comes too late tells nothing, whatever its status line said: the outcome is retry.
 */
export function openHttp(settings: HttpSettings, now: () => number, network: Network = systemNetwork): Http {
  const mistakes = urlMistakes(settings.url, settings.allowPrivateNetworks);
  const agent = settings.allowPrivateNetworks ? openAgent(settings.url, network) : publicAgent(network);
  const url = mistakes.length > 0 ? undefined : new URL(settings.url);
  const target = { ...(url && urlToHttpOptions(url)), method: 'POST', agent };
  const send = url?.protocol === 'https:' ? httpsRequest : httpRequest;
  const own = { accept: '*/*', 'user-agent': `headless-events/${version()}` };
  const ask: Http['ask'] = async (body, headers, signal) => {
    if (mistakes.length > 0) return mistakes.join('; ');
    if (signal.aborted) return 'stopped';
    return exchange(settings, send, { ...target, headers: { ...own, ...headers } }, body, signal);
  };
  return {
    async post(body, headers, events, signal) {
      const answer = await ask(body, headers, signal);
      return typeof answer === 'string'
        ? { kind: 'retry', reason: answer }
        : outcomeOf(answer, events, now(), settings.secrets);
    },
    ask,
    close: () => agent.destroy(),
  };
}

/**
 * The answer, or in words why there is none. By node:http itself: the streams, headers and signals of a fetch cost several times as much as the
 * request.
 */
function exchange(
  { timeoutSeconds, answerBytes = usualBytes, secrets }: HttpSettings,
  send: typeof httpRequest,
  options: RequestOptions,
  body: string,
  signal: AbortSignal,
): Promise<Answer | string> {
  return new Promise((resolve) => {
    let settled = false;
    const settle = (result: Answer | string) => {
      if (settled) return;
      settled = true;
      clearTimeout(deadline);
      ignore();
      resolve(result);
    };
    let request: ClientRequest | undefined;
    const end = (why: string) => {
      settle(why);
      request?.destroy();
    };
    // Some of this text comes from the server, such as names in its certificate.
    const fail = (error: unknown) => settle(excerpt(reasonOf(error), secrets));
    const deadline = setTimeout(() => end(`no complete answer within ${timeoutSeconds} s`), timeoutSeconds * 1_000);
    const ignore = onAbort(signal, () => end('stopped'));
    try {
      request = send(options, (response) => {
        beginning(response, answerBytes, fail, (text) => settle(answerOf(response, text)));
      });
      request.on('error', fail);
      // Head and body leave in one piece, with a Content-Length, where both are text of one encoding.
      request.end(Buffer.from(body).toString('latin1'), 'latin1');
    } catch (error) {
      fail(error);
    }
  });
}

const answerOf = ({ statusCode = 0, headers }: IncomingMessage, text: string): Answer => ({
  status: statusCode,
  retryAfter: headers['retry-after'] ?? null,
  date: headers.date ?? null,
  location: headers.location ?? null,
  text,
});

/** Reads the start of an answer. The rest of a longer one never arrives: its socket is destroyed. */
function beginning(
  response: IncomingMessage,
  most: number,
  fail: (error: unknown) => void,
  done: (text: string) => void,
): void {
  const chunks: Buffer[] = [];
  let size = 0;
  const finish = () => done(Buffer.concat(chunks).subarray(0, most).toString('utf8'));
  response.on('error', fail);
  response.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    size += chunk.length;
    if (size < most) return;
    finish();
    response.destroy();
  });
  response.on('end', finish);
}

// A failed connection to several addresses has an error without words.
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'the request failed';
  if (error.message !== '') return error.message;
  return 'code' in error ? String(error.code) : error.name;
}
