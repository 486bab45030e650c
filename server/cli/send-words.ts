/** The answer to what was sent. */
export interface Outcome {
  readonly status: number;
  /** The id of the event; undefined if none was sent. */
  readonly id: string | undefined;
  /** `accepted`, `duplicate` or `rejected`, as the gateway says; `refused` if it looked at no event. */
  readonly verdict: string;
  readonly reasons: readonly string[];
  readonly requestId: string;
  /** The value of Retry-After. */
  readonly waitSeconds?: string | undefined;
}

/** Two lines: the answer, and what it means and what to do. */
export function outcomeWords({ status, id, verdict, reasons, requestId, waitSeconds }: Outcome): string[] {
  const said = [verdict, ...reasons].join(': ');
  const line = ['HTTP', `${status} `, ...(id === undefined ? [] : [`${id} `]), `${said} `, `(request ${requestId})`];
  return [line.join(' '), `  ${meaning(verdict, status, id, waitSeconds)}`];
}

const MEANINGS: Readonly<Record<string, (id: string) => string>> = {
  accepted: (id) =>
    `It is stored, and the pipelines of its shop deliver it. See: headless-events receipt ${quoted(id)}`,
  duplicate: (id) =>
    `An event with this id is stored already, and this one was not. See: headless-events receipt ${quoted(id)}`,
  rejected: () => 'It is kept in quarantine with its reasons. See: headless-events quarantine list',
};

/** Answers to requests whose events were not looked at. */
const REFUSALS: Readonly<Record<number, string>> = {
  401: "The gateway does not know this token. Give one of the shop's with --token.",
  403: 'The token belongs to another shop. Give its shop with --shop, or leave --shop out.',
  404: 'This gateway does not take such requests. Is it older, or a worker?',
  413: 'It is larger than BODY_MAX_BYTES. Send less.',
  415: 'The gateway does not take JSON there. Is it one of this version?',
};

function meaning(verdict: string, status: number, id: string | undefined, waitSeconds: string | undefined): string {
  const known = MEANINGS[verdict];
  if (known) return known(id ?? '');
  if (status === 429 || status === 503)
    return `Nothing is stored. Send it again${waitSeconds ? ` in ${waitSeconds} s` : ' later'}.`;
  const refusal = REFUSALS[status];
  if (refusal !== undefined) return `Nothing is stored. ${refusal}`;
  return status === 400 || status === 422
    ? id === undefined
      ? 'It does not fit the contract. Correct --data.'
      : 'It does not fit the contract, and is kept in quarantine. See: headless-events quarantine list'
    : 'Nothing is stored. The request id names the line in the log of the gateway.';
}

/** The answer to a call without events, in the words of its dialect. */
export function answeredWords(
  status: number,
  told: { readonly about: string; readonly lines: readonly string[] } | undefined,
  requestId: string,
): string[] {
  const about = told === undefined ? '' : `${told.about}  `;
  return [
    `HTTP ${status}  ${about}answered  (request ${requestId})`,
    ...(told?.lines ?? []).map((line) => `  ${line}`),
  ];
}

const quoted = (id: string): string => (/^[\w.:-]+$/.test(id) ? id : `'${id.replaceAll("'", "'\\''")}'`);
