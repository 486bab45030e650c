import fetch, { FetchError } from 'node-fetch';
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
  const ask: Http['ask'] = async (body, headers, signal) => {
    if (mistakes.length > 0) return mistakes.join('; ');
    const request = {
      method: 'POST',
      // As bytes, so that Content-Length is sent and not chunks.
      body: Buffer.from(body),
      headers: { 'user-agent': `headless-events/${version()}`, ...headers },
      agent,
      redirect: 'manual',
      compress: false,
    } as const;
    return exchange(settings, request, signal);
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

// The answer, or in words why there is none.
async function exchange(settings: HttpSettings, request: object, signal: AbortSignal): Promise<Answer | string> {
  if (signal.aborted) return 'stopped';
  const ending = new AbortController();
  const end = () => ending.abort();
  const deadline = setTimeout(end, settings.timeoutSeconds * 1_000);
  const ignore = onAbort(signal, end);
  try {
    const response = await fetch(settings.url, { ...request, signal: ending.signal });
    return {
      status: response.status,
      retryAfter: response.headers.get('retry-after'),
      date: response.headers.get('date'),
      location: response.headers.get('location'),
      text: await beginning(response.body, settings.answerBytes ?? usualBytes),
    };
  } catch (error) {
    if (signal.aborted) return 'stopped';
    if (ending.signal.aborted) return `no complete answer within ${settings.timeoutSeconds} s`;
    // Some of this text comes from the server, such as names in its certificate.
    return excerpt(reasonOf(error), settings.secrets);
  } finally {
    clearTimeout(deadline);
    ignore();
  }
}

// Leaving the loop early destroys the stream and its socket, so the rest of an endless answer never arrives.
async function beginning(body: NodeJS.ReadableStream | null, most: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body ?? []) {
    chunks.push(Buffer.from(chunk));
    size += chunk.length;
    if (size >= most) break;
  }
  return Buffer.concat(chunks).subarray(0, most).toString('utf8');
}

// node-fetch puts the whole URL in front, and a URL may hold a token: keep what comes after it.
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'the request failed';
  const words = error instanceof FetchError ? (error.message.split(', reason: ').at(-1) ?? '') : error.message;
  const code = 'code' in error ? String(error.code) : error.name;
  return words === '' || words.startsWith('request to ') ? code : words;
}
