import type { PassedRequest, Upstream, UpstreamServer } from '../../../adapters/dialects/side-call.ts';
import { type Http, openHttp } from '../../../adapters/http/http.ts';

export interface UpstreamTools {
  /** Monotonic, in milliseconds. */
  readonly now: () => number;
  /** Called with a server's name when it fails and is not asked for the next ten seconds. The reason holds no URL. */
  readonly onFailed: (name: string, reason: string) => void;
  /** Aborts the calls in progress. */
  readonly stopping: AbortSignal;
  /** Time limit for a whole answer. */
  readonly timeoutSeconds?: number;
}

const TIMEOUT_SECONDS = 3;
const ANSWER_BYTES = 256 * 1024;
const PAUSE_MS = 10_000;
const AT_ONCE = 32;

interface Known {
  readonly http: Http;
  inHand: number;
  pausedUntil: number;
}

/** Forwards requests, with limits: public addresses only, no redirects, three seconds by default, a bounded answer, and at most 32 at once. */
export function createUpstream(tools: UpstreamTools): Upstream {
  const known = new Map<string, Known>();
  const { stopping, timeoutSeconds = TIMEOUT_SECONDS } = tools;
  return {
    async ask(server, request) {
      const one = knownOf(known, server, timeoutSeconds, tools.now);
      if (tools.now() < one.pausedUntil || one.inHand >= AT_ONCE) return undefined;
      one.inHand += 1;
      const answer = await one.http.ask(request.body, request.headers, stopping);
      one.inHand -= 1;
      const failure = failureOf(answer, request.accepts);
      if (failure === undefined) return typeof answer === 'string' ? undefined : answer.text;
      if (stopping.aborted) return undefined;
      // Clients wait for each failure, so a failed server is not asked again at once. It also gets one log line, not one per request.
      if (tools.now() >= one.pausedUntil) tools.onFailed(server.name, failure);
      one.pausedUntil = tools.now() + PAUSE_MS;
      return undefined;
    },
  };
}

function knownOf(
  known: Map<string, Known>,
  { url, allowPrivateNetworks }: UpstreamServer,
  timeoutSeconds: number,
  now: () => number,
): Known {
  const key = `${allowPrivateNetworks} ${url}`;
  let one = known.get(key);
  if (one === undefined) {
    const settings = {
      url,
      allowPrivateNetworks,
      timeoutSeconds,
      secrets: [],
      answerBytes: ANSWER_BYTES,
    };
    one = { http: openHttp(settings, now), inHand: 0, pausedUntil: Number.NEGATIVE_INFINITY };
    known.set(key, one);
  }
  return one;
}

function failureOf(answer: Awaited<ReturnType<Http['ask']>>, accepts: PassedRequest['accepts']): string | undefined {
  if (typeof answer === 'string') return answer;
  if (answer.status !== 200) return `HTTP ${answer.status}`;
  if (Buffer.byteLength(answer.text) >= ANSWER_BYTES) return `an answer of ${ANSWER_BYTES} bytes and more`;
  return accepts(answer.text) ? undefined : 'an answer that is none';
}
