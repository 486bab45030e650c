import { blackOut } from '../black-out.ts';
import type { Outcome } from '../outcome.ts';
import { retryAfterMs } from './retry-after.ts';

/** An answer: status, the headers that matter, and the start of its body. */
export interface Answer {
  readonly status: number;
  readonly retryAfter: string | null;
  /** Its own clock, which may differ from ours. */
  readonly date?: string | null;
  readonly location: string | null;
  readonly text: string;
}

/**
 * What an answer means for the events of the request. 2xx: delivered. 410: gone. 400, 413, 422: the content is refused; that is final for one
 * event, and for several it is unknown which one is to blame. Everything else is retried: 5xx may pass, and a wrong path, a wrong key or a
 * redirect is a fault of the set-up and not of the events. The reason says what to repair. `secrets` never appear in a reason.
 */
export function outcomeOf(answer: Answer, events: number, now: number, secrets: readonly string[]): Outcome {
  const { status } = answer;
  if (status >= 200 && status < 300) return { kind: 'delivered', status: `HTTP ${status}` };
  const said = excerpt(answer.text, secrets);
  const reason = `HTTP ${status}${advice(answer, secrets)}${said === '' ? '' : `: ${said}`}`;
  if (status === 410) return { kind: 'gone', reason };
  if (events === 1 && (status === 400 || status === 413 || status === 422)) return { kind: 'rejected', reason };
  const afterMs = retryAfterMs(answer.retryAfter, Date.parse(answer.date ?? '') || now);
  return { kind: 'retry', reason, answered: true, ...(afterMs !== undefined && { afterMs }) };
}

/** An excerpt of foreign text: at most 200 characters on one line, without control characters, with secrets blacked out. */
export function excerpt(text: string, secrets: readonly string[]): string {
  const clean = blackOut(
    text,
    secrets.map((secret) => [secret, '***'] as const),
  )
    .replace(/[\p{C}\s]+/gu, ' ')
    .trim();
  return Array.from(clean).slice(0, 200).join('');
}

function advice({ status, location }: Answer, secrets: readonly string[]): string {
  if (status === 408 || status === 425 || status === 429 || status >= 500) return '';
  if (status === 400 || status === 410 || status === 413 || status === 422) return '';
  if (status >= 300 && status < 400)
    return ` points to ${target(location, secrets)}; redirects are not followed, set the url to the final address`;
  if (status === 401 || status === 403)
    return ' (access refused; check the secret and the headers of this destination)';
  if (status === 404 || status === 405) return ' (no such place; check the path of the url)';
  return ' (unexpected; check the url)';
}

// Query, fragment and user name of a redirect can carry credentials, so they are left out.
function target(location: string | null, secrets: readonly string[]): string {
  if (location === null) return 'nowhere';
  const base = 'relative://here';
  if (!URL.canParse(location, base)) return 'an unreadable address';
  const { protocol, host, pathname } = new URL(location, base);
  const scheme = protocol === 'relative:' ? '' : protocol;
  return excerpt(scheme === '' && host === 'here' ? pathname : `${scheme}//${host}${pathname}`, secrets);
}
