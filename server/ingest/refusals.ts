import type { TailLine } from '../../schemas/admin-api/tail.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';

/** A request that was refused because it is wrong. Has nothing that identifies the client. */
export interface RefusedRequest {
  /** A short stable word from a small set. */
  readonly reason: string;
  readonly status: number;
  /** Absent if the request's path is unknown or was not read. */
  readonly dialect?: string | undefined;
  /** A configured shop, if the token or a header names one. */
  readonly shop?: string | undefined;
  readonly origin?: string | undefined;
  /** What the client is told. */
  readonly message: string;
  /** Whether the body is in quarantine. The tail has a line for that already. */
  readonly isKept?: boolean;
}

/** Refusals by Node's error code. A client that goes away is not refused. */
const PARSER_ERRORS: Readonly<Record<string, RefusedRequest>> = {
  HPE_HEADER_OVERFLOW: {
    reason: 'headers_too_large',
    status: 431,
    message: 'the headers are larger than HEADERS_MAX_BYTES',
  },
  HPE_CHUNK_EXTENSIONS_OVERFLOW: {
    reason: 'too_large',
    status: 413,
    message: 'the extensions of a chunk are too large',
  },
  ERR_HTTP_REQUEST_TIMEOUT: { reason: 'timeout', status: 408, message: 'the request did not come to its end in time' },
};
const NO_HTTP: RefusedRequest = { reason: 'no_http', status: 400, message: 'what came is no HTTP/1.1 request' };

/** The refusal that an error of Node's parser stands for; undefined if the connection only broke. */
export function refusalOfParserError(error: unknown): RefusedRequest | undefined {
  const { code = '' } = error as NodeJS.ErrnoException;
  return PARSER_ERRORS[code] ?? (code.startsWith('HPE_') && code !== 'HPE_INVALID_EOF_STATE' ? NO_HTTP : undefined);
}

export interface RefusalTools {
  readonly count: (refused: RefusedRequest) => void;
  /** Shows a line to the readers of the tail. */
  readonly show: (line: TailLine) => void;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly stopping: AbortSignal;
}

const MINUTE_MS = 60_000;
const LOOK_EVERY_MS = 10_000;
/** Most pairs of reason and shop that are logged separately. Further ones are logged by reason only. */
const MOST_TALLIES = 200;
const MOST_ORIGINS = 5;
const MOST_LINES_A_SECOND = 20;

/**
 * Gives the function to call with each refused request. It counts the request, shows it in the tail and logs it. The first one of each reason
 * and shop is logged at once; after that a line a minute says how many there were.
 */
export function createRefusals(tools: RefusalTools): (refused: RefusedRequest) => void {
  const { count, show, clock, stopping } = tools;
  const tallies = new Map<string, Tally>();
  const tailLine = createTailLines(clock);
  void (async () => {
    while (!stopping.aborted) {
      await clock.sleep(LOOK_EVERY_MS, stopping);
      for (const [key, tally] of tallies) {
        if (clock.steady() - tally.loggedAt < MINUTE_MS && !stopping.aborted) continue;
        if (tally.requests > 0) logTally(tools, tally);
        else tallies.delete(key);
      }
    }
  })();
  return (given) => {
    const refused = { ...given, origin: shownOrigin(given.origin) };
    count(refused);
    const shown = refused.isKept ? undefined : tailLine(refused);
    if (shown) show(shown);
    const tally = tallyOf(tallies, refused, clock);
    tally.requests += 1;
    if (refused.origin !== undefined && tally.origins.size < MOST_ORIGINS) tally.origins.add(refused.origin);
    if (clock.steady() - tally.loggedAt >= MINUTE_MS) logTally(tools, tally);
  };
}

interface Tally {
  readonly about: Pick<RefusedRequest, 'reason' | 'status' | 'dialect' | 'shop'>;
  origins: Set<string>;
  requests: number;
  /** Start of the current count, in milliseconds since 1970. */
  since: number;
  /** Time of its last log line, on the steady clock. */
  loggedAt: number;
}

function tallyOf(tallies: Map<string, Tally>, { reason, status, dialect, shop }: RefusedRequest, clock: Clock): Tally {
  const own = [reason, dialect, shop].join(' ');
  const hasOwnTally = tallies.has(own) || tallies.size < MOST_TALLIES;
  const key = hasOwnTally ? own : [reason, dialect].join(' ');
  let tally = tallies.get(key);
  if (tally === undefined) {
    const about = { reason, status, dialect, shop: hasOwnTally ? shop : undefined };
    const [since, loggedAt] = [clock.now(), Number.NEGATIVE_INFINITY];
    tally = { about, origins: new Set(), requests: 0, since, loggedAt };
    tallies.set(key, tally);
  }
  return tally;
}

function logTally({ clock, logger }: RefusalTools, tally: Tally): void {
  const { reason, status, dialect, shop } = tally.about;
  const fields = {
    reason,
    status,
    ...(dialect !== undefined && { dialect }),
    ...(shop !== undefined && { shop }),
    ...(tally.origins.size > 0 && { origins: [...tally.origins] }),
    requests: tally.requests,
    since: new Date(tally.since).toISOString(),
  };
  // Requests without a dialect are mere noise (no HTTP, unknown paths), so they get no warning.
  if (dialect === undefined) logger.info(fields, 'requests were refused');
  else logger.warn(fields, 'requests were refused');
  Object.assign(tally, { origins: new Set(), requests: 0, since: clock.now(), loggedAt: clock.steady() });
}

/** Makes tail lines of refusals. Gives undefined above the limit per second; the next line says how many were left out. */
function createTailLines(clock: Clock): (refused: RefusedRequest) => TailLine | undefined {
  let second = Number.NEGATIVE_INFINITY;
  let lines = 0;
  let leftOut = 0;
  return ({ reason, status, dialect, shop, origin, message }) => {
    if (clock.steady() - second >= 1000) {
      second = clock.steady();
      lines = 0;
    }
    lines += 1;
    if (lines > MOST_LINES_A_SECOND) {
      leftOut += 1;
      return undefined;
    }
    const left_out = leftOut;
    leftOut = 0;
    return {
      kind: 'refused',
      at: new Date(clock.now()).toISOString(),
      ...(shop !== undefined && { shop }),
      ...(dialect !== undefined && { dialect }),
      ...(origin !== undefined && { origin }),
      status,
      code: reason,
      reasons: [message],
      ...(left_out > 0 && { left_out }),
    };
  };
}

/** Shows an origin only if it looks like one: other text may be a secret. */
export function shownOrigin(origin: string | undefined): string | undefined {
  if (origin === undefined || origin === '') return undefined;
  return /^(null|[a-z][a-z0-9+.-]*:\/\/[^\s/?#@]*)$/i.test(origin.slice(0, 200)) ? origin.slice(0, 200) : 'unreadable';
}
