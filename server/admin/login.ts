import { hash, timingSafeEqual } from 'node:crypto';
import { isIPv6 } from 'node:net';

/** The verdict on a token. `locked`: it is wrong, and there were too many wrong ones before. */
export type Judgement =
  | { readonly kind: 'open' }
  | { readonly kind: 'refused' }
  | { readonly kind: 'locked'; readonly retryAfterSeconds: number };

const WINDOW_MS = 60_000;
const MOST_PER_ADDRESS = 10;
const MOST = 100;

interface Failure {
  readonly at: number;
  readonly address: string;
}

/**
 * Checks bearer tokens. It compares digests in constant time, so neither the time nor the verdict shows how close a guess was. The right token
 * always works: otherwise anyone could lock its owner out by guessing. Up to 10 wrong tokens a minute from one address and 100 from all are
 * refused with a log line each; more are `locked` and leave no line.
 */
export function createGate({ token, now }: { readonly token: string; readonly now: () => number }) {
  const wanted = sha256(token);
  // At most 100 entries.
  let failures: readonly Failure[] = [];

  return (clientAddress: string | undefined, authorization: string | undefined): Judgement => {
    const [, given = ''] = /^bearer +(.+)$/i.exec(authorization ?? '') ?? [];
    if (timingSafeEqual(sha256(given.trim()), wanted)) return { kind: 'open' };
    const time = now();
    const address = networkOf(clientAddress ?? '');
    failures = failures.filter(({ at }) => time - at < WINDOW_MS && at <= time);
    const own = failures.filter((failure) => failure.address === address);
    const freeAt = Math.max(freeFrom(own, MOST_PER_ADDRESS), freeFrom(failures, MOST));
    if (freeAt > time) return { kind: 'locked', retryAfterSeconds: Math.ceil((freeAt - time) / 1000) };
    failures = [...failures, { at: time, address }];
    return { kind: 'refused' };
  };
}

/** When enough of the oldest failures will have left the window. */
function freeFrom(failures: readonly Failure[], most: number): number {
  const last = failures.at(-most);
  return last === undefined ? 0 : last.at + WINDOW_MS;
}

/** A client with one IPv6 address usually has the whole /64 network, so these addresses count as one. */
function networkOf(address: string): string {
  if (!isIPv6(address)) return address;
  const [head = '', tail] = address.split('%', 1).join('').split('::');
  const groups = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? [] : Array<string>(Math.max(0, 8 - groups.length - after.length)).fill('0');
  return [...groups, ...zeros, ...after]
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':');
}

const sha256 = (text: string): Buffer => hash('sha256', text, 'buffer');
