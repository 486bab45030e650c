import type { TailLine } from '../../schemas/admin-api/tail.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';

/** A request that is refused for what it is, and nothing that says who sent it. */
export interface RefusedRequest {
  /** Short stable word, of a few. */
  readonly reason: string;
  readonly status: number;
  /** Left out where its address is no contract's, or was not read. */
  readonly dialect?: string | undefined;
  /** A shop of the configuration, where its token or a header names one. */
  readonly shop?: string | undefined;
  readonly origin?: string | undefined;
  /** What the client is told. */
  readonly message: string;
  /** Whether its body is kept in quarantine: the tail has a line of that already. */
  readonly isKept?: boolean;
}

/** By the code of Node's error. A client that only goes away is not refused. */
const BEFORE: Readonly<Record<string, RefusedRequest>> = {
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

/** What Node's parser refuses before it is a request; undefined where the connection only broke. */
export function refusedBefore(error: unknown): RefusedRequest | undefined {
  const { code = '' } = error as NodeJS.ErrnoException;
  return BEFORE[code] ?? (code.startsWith('HPE_') && code !== 'HPE_INVALID_EOF_STATE' ? NO_HTTP : undefined);
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
/** Of reasons and shops that have lines of their own. What comes beyond is told by its reason alone. */
const MOST_TALLIES = 200;
const MOST_ORIGINS = 5;
const MOST_LINES_A_SECOND = 20;

/**
 * Gives what is called with each refused request: it is counted, shown in the tail, and logged, at once where it is the first of its reason and
 * shop, and then once a minute with how many there were.
 */
export function createRefusals(tools: RefusalTools): (refused: RefusedRequest) => void {
  const { count, show, clock, stopping } = tools;
  const tallies = new Map<string, Tally>();
  const line = createLines(clock);
  void (async () => {
    while (!stopping.aborted) {
      await clock.sleep(LOOK_EVERY_MS, stopping);
      for (const [key, tally] of tallies) {
        if (clock.steady() - tally.toldAt < MINUTE_MS && !stopping.aborted) continue;
        if (tally.requests > 0) tell(tools, tally);
        else tallies.delete(key);
      }
    }
  })();
  return (given) => {
    const refused = { ...given, origin: shownOrigin(given.origin) };
    count(refused);
    const shown = refused.isKept ? undefined : line(refused);
    if (shown) show(shown);
    const tally = tallyOf(tallies, refused, clock);
    tally.requests += 1;
    if (refused.origin !== undefined && tally.origins.size < MOST_ORIGINS) tally.origins.add(refused.origin);
    if (clock.steady() - tally.toldAt >= MINUTE_MS) tell(tools, tally);
  };
}

interface Tally {
  readonly about: Pick<RefusedRequest, 'reason' | 'status' | 'dialect' | 'shop'>;
  origins: Set<string>;
  requests: number;
  /** Since when its requests are counted, in milliseconds since 1970. */
  since: number;
  /** When it was logged, by the steady clock. */
  toldAt: number;
}

function tallyOf(tallies: Map<string, Tally>, { reason, status, dialect, shop }: RefusedRequest, clock: Clock): Tally {
  const own = [reason, dialect, shop].join(' ');
  const isOne = tallies.has(own) || tallies.size < MOST_TALLIES;
  const key = isOne ? own : [reason, dialect].join(' ');
  let tally = tallies.get(key);
  if (tally === undefined) {
    const about = { reason, status, dialect, shop: isOne ? shop : undefined };
    const [since, toldAt] = [clock.now(), Number.NEGATIVE_INFINITY];
    tally = { about, origins: new Set(), requests: 0, since, toldAt };
    tallies.set(key, tally);
  }
  return tally;
}

function tell({ clock, logger }: RefusalTools, tally: Tally): void {
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
  // Anybody sends what is no HTTP, or asks for what is not here.
  if (dialect === undefined) logger.info(fields, 'requests were refused');
  else logger.warn(fields, 'requests were refused');
  Object.assign(tally, { origins: new Set(), requests: 0, since: clock.now(), toldAt: clock.steady() });
}

/** Gives the line of a refusal, or undefined where there were enough in this second; the next one says how many were left out. */
function createLines(clock: Clock): (refused: RefusedRequest) => TailLine | undefined {
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

/** What is no origin may be anything, also a secret. */
export function shownOrigin(origin: string | undefined): string | undefined {
  if (origin === undefined || origin === '') return undefined;
  return /^(null|[a-z][a-z0-9+.-]*:\/\/[^\s/?#@]*)$/i.test(origin.slice(0, 200)) ? origin.slice(0, 200) : 'unreadable';
}
