import type { Mark } from '../events.ts';
import {
  bomb,
  closed,
  continuing,
  deaf,
  dislikes,
  drip,
  endless,
  type Fault,
  flapping,
  greeting,
  halfClosed,
  hasty,
  head,
  hints,
  oldHttp,
  raw,
  resetAfterRequest,
  resetAtOnce,
  resetInAnswer,
  shows,
  slower,
  status,
  TIMEOUT_SECONDS,
  taken,
  twice,
  untilDate,
} from './faults.ts';

/** What the gateway must do about a fault, for as long as it lasts. */
export type Expected =
  /** Nothing delivered, no dead letters, and each reason like this. */
  | {
      readonly kind: 'waits';
      readonly says: RegExp;
      /** Between two requests; a second if absent. */
      readonly apartMs?: number;
      /** How long the wait must be, where it is too long to be seen. */
      readonly waitMs?: number;
    }
  /** Everything goes through, as if nothing were wrong. */
  | { readonly kind: 'takes' }
  /** Dead letters with such a reason: of those events alone, or, without `only`, of some. */
  | { readonly kind: 'buries'; readonly says: RegExp; readonly only?: (mark: Pick<Mark, 'lane' | 'n'>) => boolean }
  | { readonly kind: 'suspends'; readonly says: RegExp }
  /** Sometimes it goes through. */
  | { readonly kind: 'either' };

export interface Case {
  /** The pipeline's id. */
  readonly name: string;
  readonly fault: Fault;
  readonly expected: Expected;
  readonly https?: boolean;
  /** Instead of the address of this machine. */
  readonly host?: string;
  /** What an operator must do once it is well; it goes on by itself if absent. `never`: it stays as it is. */
  readonly afterwards?: 'resume' | 'suspend and resume' | 'never';
  readonly rules?: object;
}

/** What must never be seen in anything that the gateway says. Destinations throw it back at it. */
export const canaries = {
  secret: `whsec_${Buffer.from('secret-of-the-destinations-000001').toString('base64')}`,
  key: 'api-key-of-the-destinations',
};

const thrownBack = `you said ${canaries.secret} and ${canaries.key}, ${canaries.secret.slice('whsec_'.length)}`;
const day = 24 * 3_600_000;
const late = new RegExp(`no complete answer within ${TIMEOUT_SECONDS} s`);
const brokenOff = /ECONNRESET|EPIPE|socket hang up|aborted|premature/i;

const waits = (name: string, fault: Fault, says: RegExp, more: Partial<Case> & { apartMs?: number } = {}): Case => {
  const { apartMs, ...rest } = more;
  return { name, fault, expected: { kind: 'waits', says, ...(apartMs !== undefined && { apartMs }) }, ...rest };
};
const takes = (name: string, fault: Fault): Case => ({ name, fault, expected: { kind: 'takes' } });

const connections: readonly Case[] = [
  waits('closed', closed, /ECONNREFUSED/),
  waits('deaf', deaf, late),
  waits('reset-at-once', resetAtOnce, brokenOff),
  waits('reset-after-request', resetAfterRequest, brokenOff),
  waits('reset-in-answer', resetInAnswer, brokenOff),
  waits('half-closed', halfClosed, brokenOff),
  waits('drips-headers', drip('headers'), late),
  waits('drips-body', drip('body'), late),
  // What the resolver says to a name that can never exist, or nothing, where it is slow.
  waits('no-such-name', closed, /ENOTFOUND|EAI_AGAIN|no complete answer/, {
    host: 'nobody.invalid',
    afterwards: 'never',
  }),
];

const statuses: readonly Case[] = [
  ...[500, 502, 504].map((code) => waits(`answers-${code}`, status(code, {}, thrownBack), new RegExp(`HTTP ${code}`))),
  ...[408, 425].map((code) => waits(`answers-${code}`, status(code), new RegExp(`HTTP ${code}`))),
  waits('answers-401', status(401, {}, thrownBack), /HTTP 401 \(access refused/),
  waits('answers-403', status(403), /HTTP 403 \(access refused/),
  waits('answers-404', status(404), /HTTP 404 \(no such place/),
  waits('answers-418', status(418), /HTTP 418 \(unexpected/),
  waits('later-5', status(503, { 'retry-after': '5' }), /HTTP 503/, { apartMs: 5000 }),
  // A date has whole seconds, so it may say up to one less.
  waits('later-date', untilDate(5), /HTTP 503/, { apartMs: 4000 }),
  waits('later-0', status(503, { 'retry-after': '0' }), /HTTP 503/),
  waits('later-minus', status(503, { 'retry-after': '-1' }), /HTTP 503/),
  waits('later-words', status(503, { 'retry-after': 'when I am well' }), /HTTP 503/),
  {
    name: 'later-years',
    fault: status(503, { 'retry-after': '999999999' }),
    expected: { kind: 'waits', says: /HTTP 503/, waitMs: day },
    afterwards: 'suspend and resume',
  },
  waits('too-many', status(429, { 'retry-after': '4' }), /HTTP 429/, { apartMs: 4000 }),
  waits('too-many-wide', status(429, { 'retry-after': '4' }), /HTTP 429/, { apartMs: 4000, rules: { lanes: 4 } }),
  waits('wide-500', status(500), /HTTP 500/, { rules: { lanes: 4 } }),
];

/** Those that a choosy destination dislikes: two of one shopper, side by side. */
const disliked = ({ lane, n }: Pick<Mark, 'lane' | 'n'>): boolean =>
  lane === 'lane0' && (n % 100 === 60 || n % 100 === 61);

const refusals: readonly Case[] = [400, 413, 422].flatMap((code): Case[] => {
  const says = new RegExp(`^HTTP ${code}`);
  return [
    { name: `refuses-all-${code}`, fault: status(code, {}, thrownBack), expected: { kind: 'buries', says } },
    {
      name: `refuses-one-${code}`,
      fault: dislikes(code, disliked),
      expected: { kind: 'buries', says, only: disliked },
    },
  ];
});

const gone: readonly Case[] = [
  {
    name: 'gone',
    fault: status(410, {}, thrownBack),
    expected: { kind: 'suspends', says: /HTTP 410/ },
    afterwards: 'never',
  },
  { name: 'gone-for-now', fault: status(410), expected: { kind: 'suspends', says: /HTTP 410/ }, afterwards: 'resume' },
];

/** To a listener on this machine that must never hear of it, and to where a cloud keeps its secrets. */
const redirects = (canaryPort: number): Case[] => [
  ...[301, 302, 303, 307, 308].map((code) =>
    waits(
      `redirects-${code}`,
      status(code, { location: `http://127.0.0.1:${canaryPort}/${code}?key=${canaries.key}` }),
      /redirects are not followed/,
    ),
  ),
  waits(
    'redirects-inward',
    status(307, { location: 'http://169.254.169.254/latest/meta-data/' }),
    /points to http:\/\/169\.254\.169\.254\/latest\/meta-data\/; redirects are not followed/,
  ),
  waits(
    'refreshes',
    status(300, { location: `//127.0.0.1:${canaryPort}/`, refresh: `0; url=http://127.0.0.1:${canaryPort}/` }),
    /redirects are not followed/,
  ),
];

const answers: readonly Case[] = [
  takes('error-in-body', taken(200, { 'content-type': 'application/json' }, '{"error":"I did not mean it"}')),
  takes('endless-200', endless(200)),
  waits('endless-500', endless(500), /HTTP 500/),
  takes('bomb', bomb()),
  waits('bad-gzip', status(500, { 'content-encoding': 'gzip' }, 'not packed at all'), /HTTP 500: not packed/),
  waits('huge-headers', raw(head(200, { 'x-filler': 'x'.repeat(1_000_000) })), /Header overflow/),
  takes('hints', hints),
  waits('continues', continuing, late),
  waits('switches', raw(head(101, { upgrade: 'websocket', connection: 'upgrade' }), hasty), late),
  takes('old-http', oldHttp),
  takes('answers-twice', twice),
  waits('short-body', raw(head(200, { 'content-length': '1000' }, 'less'), { end: true }), brokenOff),
  waits('two-lengths', raw(head(200, { 'content-length': '2', 'transfer-encoding': 'chunked' }, 'ok')), /Parse Error/),
  waits('bad-chunks', raw(head(200, { 'transfer-encoding': 'chunked' }, 'zz\r\nxx\r\n')), /premature|Parse Error/i),
  waits('no-http', greeting('SSH-2.0-OpenSSH_9.2p1\r\n'), /Parse Error/),
];

const tls = (name: string, fault: Fault, says: RegExp): Case => ({ ...waits(name, fault, says), https: true });

const certificates: readonly Case[] = [
  tls('tls-expired', shows('expired'), /expired/i),
  tls('tls-elsewhere', shows('elsewhere'), /altnames|does not match/i),
  tls('tls-stranger', shows('stranger'), /self[- ]signed/i),
  tls('tls-deaf', deaf, late),
  tls('tls-none', greeting('220 smtp.example.com ESMTP\r\n'), /wrong version number/),
  { ...takes('tls-well', {}), https: true },
];

const moody: readonly Case[] = [
  { name: 'flapping', fault: flapping, expected: { kind: 'either' } },
  { name: 'slower', fault: slower, expected: { kind: 'either' } },
];

/** Every way to be a bad destination. */
export const casesWith = (canaryPort: number): readonly Case[] => [
  ...connections,
  ...statuses,
  ...refusals,
  ...gone,
  ...redirects(canaryPort),
  ...answers,
  ...certificates,
  ...moody,
];
