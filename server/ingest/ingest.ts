import type {
  Context,
  Credentials,
  Dialect,
  InboundRequest,
  IngestResult,
  Reading,
  Reply,
  Rules,
} from '../../adapters/dialects/dialect.ts';
import { RequestRefused, TooManyRequests } from '../../adapters/dialects/dialect.ts';
import { keptHeaders } from '../../adapters/dialects/headers.ts';
import { type EventLog, type LogRecord, LogUnavailable, type Verdict } from '../../adapters/logs/log.ts';
import { Overloaded } from '../overload/load.ts';
import type { Rates } from './rates.ts';
import { type RefusedRequest, shownOrigin } from './refusals.ts';
import { type ReplacedValue, replacedIn } from './replaced-values.ts';
import type { Shop, Shops, TokenHolder } from './shops.ts';

/** A request as the gateway sees it before its body is read. */
export interface Inbound extends InboundRequest {
  /** The client's address, from the socket or a trusted proxy. */
  readonly address: string | undefined;
}

/** A request that may bring events: whose they are, and how far they are to be trusted. */
export interface Admission {
  readonly dialect: Dialect;
  readonly inbound: Inbound;
  readonly shop: Shop;
  readonly trust: 'public' | 'server';
  readonly holder: TokenHolder;
  readonly shopNamed: boolean;
}

/** An answer in a dialect's words, and what every answer says in headers. */
export interface Answer extends Reply {
  readonly headers: Readonly<Record<string, string>>;
  /** It is to be sent only after a while. */
  readonly isHeld?: boolean;
  /** Why it is none of success, where that lies in the request and not in what the gateway can do now. */
  readonly refused?: Pick<RefusedRequest, 'reason' | 'message' | 'isKept'>;
}

/** A path of a dialect's contract that brings no events; tokens, origins, limits and errors are those of its events. */
export interface SideCall {
  readonly dialect: Dialect;
  readonly path: string;
  /** Throws as `Ingest.take` does. */
  answer(admission: Admission, body: Buffer): Promise<Answer>;
}

export interface IngestTools {
  readonly shops: () => Shops;
  readonly log: EventLog;
  readonly enrich: (request: Inbound) => Pick<Context, 'channel' | 'geo' | 'agent'>;
  readonly limits: Rules['limits'];
  readonly rates: Rates;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Called with what became of each record, for whoever watches. */
  readonly onStored?: (record: LogRecord, verdicts: readonly Verdict[]) => void;
  /** Called with the values of stored events that were replaced, where there are any. */
  readonly onReplaced?: (shop: string, dialect: string, replaced: readonly ReplacedValue[]) => void;
  /** Called with errors that are ours; the client is told 503. */
  readonly onError: (error: unknown, requestId?: string) => void;
}

export interface Ingest {
  /** Decides by the headers alone whether a request may bring events. Throws RequestRefused. */
  admit(dialect: Dialect, inbound: Inbound): Admission;
  /** Counts what the body of an admitted request has cost, in bytes. */
  spend(admission: Admission, bytes: number): void;
  /** Stores what the body holds and answers once it is durable. Throws RequestRefused or LogUnavailable. */
  take(admission: Admission, body: Buffer): Promise<Answer>;
  /** Turns whatever `admit` or `take` threw into an answer; what is an error of ours is logged, with the id of its request. */
  refuse(dialect: Dialect, error: unknown, requestId?: string): Answer;
  /** The shop that a request is about, as far as its headers tell: by its token, else by the name of one that there is. */
  shopOf(dialect: Dialect, inbound: Inbound): string | undefined;
  /** Whether a browser page of this origin may read the answer. True as long as no shop is known that objects. */
  readable(dialect: Dialect, inbound: Inbound, origin: string): boolean;
}

/** The first half of an event's way: authenticate, validate, enrich, append, answer. */
export function createIngest(tools: IngestTools): Ingest {
  return {
    admit: (dialect, inbound) => admit(tools, dialect, inbound),
    spend: ({ holder }, bytes) => tools.rates.spend(holder, bytes),
    take: (admission, body) => take(tools, admission, body),
    refuse: (dialect, error, requestId) => refuse(tools, dialect, error, requestId),
    shopOf: (dialect, inbound) => {
      const credentials = dialect.credentials(inbound);
      const shops = tools.shops();
      const shop = holderOf(shops, dialect, credentials)?.shop ?? shops.byName(credentials.shop ?? '');
      return shop?.config.shop;
    },
    readable: (dialect, inbound, origin) =>
      holderOf(tools.shops(), dialect, dialect.credentials(inbound))?.shop.allows(origin) ?? true,
  };
}

function admit({ shops, rates }: IngestTools, dialect: Dialect, inbound: Inbound): Admission {
  const credentials = dialect.credentials(inbound);
  const holder = holderOf(shops(), dialect, credentials);
  if (holder === undefined)
    throw new RequestRefused(401, 'Unauthenticated: the token is missing or unknown', undefined, {
      reason: credentials.token === undefined ? 'token_missing' : 'token_unknown',
    });
  const wait = rates.wait(holder);
  if (wait > 0) throw new TooManyRequests(wait);
  const { shop, trust } = holder;
  const named = credentials.shop;
  if (named !== undefined && !shop.names(named))
    throw new RequestRefused(403, 'the token does not belong to the shop that the request names');
  const { origin } = inbound.headers;
  // An empty one says nothing.
  if (typeof origin === 'string' && origin !== '' && !shop.allows(origin)) throw foreignOrigin(origin);
  const type = mediaType(inbound.headers['content-type']);
  if (!dialect.contentTypes.includes(type) && !isJson(type)) {
    throw new RequestRefused(
      415,
      `Content-Type must be ${dialect.contentTypes.filter(Boolean).join(' or ')}, got ${type.slice(0, 100)}`,
    );
  }
  return { dialect, inbound, shop, trust, holder, shopNamed: named !== undefined };
}

/** Why a page of this origin may not send for the shop. */
export const foreignOrigin = (origin: string): RequestRefused =>
  new RequestRefused(403, `the shop does not list the origin ${shownOrigin(origin)}`, undefined, {
    reason: 'origin',
  });

function holderOf(
  shops: Shops,
  dialect: Dialect,
  { token, otherwise, shop: named }: Credentials,
): TokenHolder | undefined {
  if (token !== undefined)
    return shops.byToken(token) ?? (otherwise === undefined ? undefined : shops.byToken(otherwise));
  const holder = named === undefined ? undefined : shops.anybody(named);
  return holder && dialect.tokenless?.(holder.shop.config) ? holder : undefined;
}

/** Types that are JSON by their name, as the MIME Sniffing standard has them. */
const isJson = (type: string): boolean => /^(application\/json|text\/json|[^\s/]+\/[^\s/]+\+json)$/.test(type);

const mediaType = (header: string | string[] | undefined): string =>
  typeof header === 'string' ? (header.split(';', 1)[0] ?? '').trim().toLowerCase() : '';

async function take(tools: IngestTools, admission: Admission, body: Buffer): Promise<Answer> {
  const { dialect, inbound, shop } = admission;
  const headers = keptHeaders(dialect, inbound);
  const context: Context = {
    shop: shop.config.shop,
    receivedAt: tools.now(),
    trust: admission.trust,
    ...enriched(tools, admission),
    ...(headers && { headers }),
  };
  let reading: Reading;
  try {
    reading = dialect.read(body.toString(), rulesOf(tools, admission, context.receivedAt));
  } catch (error) {
    await keepRefused(tools, { dialect, context, body }, error);
    throw error;
  }
  const { events, refused } = reading;
  const record = { dialect: dialect.name, context, body, events, refused };
  const verdicts = await tools.log.append(record);
  tools.onStored?.(record, verdicts);
  const replaced = replacedIn(reading, verdicts);
  if (replaced.length > 0) tools.onReplaced?.(context.shop, dialect.name, replaced);
  const result = resultOf(reading, verdicts);
  const reply = dialect.accepted(result, shop.config.successStatus);
  const counts = countsOf(result);
  if (inbound.query('verbose') !== '1') return { ...reply, headers: counts };
  // 204 has no body to be verbose in.
  return { status: reply.status === 204 ? 200 : reply.status, body: verboseBody(reading, verdicts), headers: counts };
}

/** What enrichment found. A server sends for shoppers who are elsewhere, so where it is says nothing of them. */
function enriched({ enrich }: IngestTools, { inbound, trust }: Admission): Pick<Context, 'channel' | 'geo' | 'agent'> {
  const { geo, ...rest } = enrich(inbound);
  return trust === 'public' && geo ? { ...rest, geo } : rest;
}

const rulesOf = ({ limits }: IngestTools, { shop, shopNamed }: Admission, receivedAt: number): Rules => ({
  shop: shop.config.shop,
  names: shop.names,
  shopNamed,
  customEvents: shop.customEvents,
  limits,
  receivedAt,
});

/** A body that is wrong as a whole is kept in quarantine before its refusal goes on. */
async function keepRefused(
  { log, onStored }: IngestTools,
  { dialect, context, body }: { readonly dialect: Dialect; readonly context: Context; readonly body: Buffer },
  error: unknown,
): Promise<void> {
  if (!(error instanceof RequestRefused) || !error.refusal) return;
  const record = { dialect: dialect.name, context, body, events: [], refused: [error.refusal] };
  await log.append(record);
  onStored?.(record, []);
}

function refuse({ onError }: IngestTools, dialect: Dialect, error: unknown, requestId?: string): Answer {
  if (error instanceof RequestRefused) {
    const rejected = error.refusal ? 1 : 0;
    const headers = countsOf({ accepted: 0, duplicate: 0, rejected });
    const told = error instanceof TooManyRequests || error instanceof Overloaded ? error.seconds : undefined;
    const seconds = told ?? (error.status === 503 || error.status === 429 ? 1 : undefined);
    return {
      ...dialect.refused(error),
      headers: seconds === undefined ? headers : { ...headers, 'Retry-After': String(seconds) },
      isHeld: error instanceof Overloaded && error.isHeld,
      ...(error.status !== 429 &&
        error.status !== 503 && {
          refused: { reason: error.reason, message: error.message, isKept: error.refusal !== undefined },
        }),
    };
  }
  if (!(error instanceof LogUnavailable)) onError(error, requestId);
  return refuse(
    { onError } as IngestTools,
    dialect,
    new RequestRefused(503, 'the event could not be stored; send it again'),
  );
}

function resultOf({ refused }: Reading, verdicts: readonly Verdict[]): IngestResult {
  let duplicate = 0;
  for (const { kind } of verdicts) if (kind === 'duplicate') duplicate += 1;
  return { accepted: verdicts.length - duplicate, duplicate, rejected: refused.length };
}

const countsOf = ({ accepted, duplicate, rejected }: IngestResult): Record<string, string> => ({
  'X-Events-Accepted': String(accepted),
  'X-Events-Rejected': String(rejected),
  'X-Events-Duplicate': String(duplicate),
});

/** What became of each event, in the order of the body: for people and tools that asked with `?verbose=1`. */
function verboseBody({ events, refused }: Reading, verdicts: readonly Verdict[]): string {
  const taken = events.map(({ index, id }, i) => ({
    index,
    event_id: verdicts[i]?.id ?? id,
    verdict: verdicts[i]?.kind === 'duplicate' ? 'duplicate' : 'accepted',
  }));
  const rejected = refused.map(({ index, id, code, reasons }) => ({
    index,
    event_id: id,
    verdict: 'rejected',
    code,
    reasons,
  }));
  return JSON.stringify({ events: [...taken, ...rejected].sort((a, b) => (a.index ?? 0) - (b.index ?? 0)) });
}
