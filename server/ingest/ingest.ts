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
import type { EventLog, LogRecord, Verdict } from '../../adapters/logs/log.ts';
import type { Rates } from './rates.ts';
import { shownOrigin } from './refusals.ts';
import { type ReplacedValue, replacedIn } from './replaced-values.ts';
import type { Shop, Shops, TokenHolder } from './shops.ts';

/** A request as the gateway sees it before its body is read. */
export interface Inbound extends InboundRequest {
  /** The client's address, from the socket or a trusted proxy. */
  readonly address: string | undefined;
}

/** A request and its sender. Everything reads the sender from here, so that credentials are parsed once. */
export interface Caller {
  readonly dialect: Dialect;
  readonly inbound: Inbound;
  readonly credentials: Credentials;
  /** Undefined if the token is missing or unknown. */
  readonly holder: TokenHolder | undefined;
  /** Whether a page of the request's origin may send for the shop and read the answer. True if there is no origin, or no shop to object. */
  readonly allowsOrigin: boolean;
}

/** A request that may bring events: the shop they are for, and how far they are trusted. */
export interface Admission {
  readonly caller: Caller;
  readonly shop: Shop;
  readonly trust: 'public' | 'server';
  readonly holder: TokenHolder;
  /** Whether the headers name the shop. */
  readonly shopNamed: boolean;
}

/** An answer in a dialect's words, with the headers that belong to it. */
export interface Answer extends Reply {
  readonly headers: Readonly<Record<string, string>>;
}

/** A path of a dialect that takes POSTs: its events, or a call beside them, with the same tokens, origins, limits and errors. */
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
  /** Called with each stored record and the verdict on each event, for the tail and the metrics. */
  readonly onStored?: (record: LogRecord, verdicts: readonly Verdict[]) => void;
  /** Called with the values that stored events lost, if there are any. */
  readonly onReplaced?: (shop: string, dialect: string, replaced: readonly ReplacedValue[]) => void;
}

export interface Ingest {
  /** Reads the sender of a request from its headers. Refuses nothing. */
  identify(dialect: Dialect, inbound: Inbound): Caller;
  /** Decides by the headers whether a request may bring events. Throws RequestRefused. */
  admit(caller: Caller): Admission;
  /** Charges the size of an admitted request's body, in bytes, to its rate limits. */
  spend(admission: Admission, bytes: number): void;
  /** Stores the events of a body and answers once they are durable. Throws RequestRefused or LogUnavailable. */
  take(admission: Admission, body: Buffer): Promise<Answer>;
  /** The shop of a request: the one of its token, else the one that it names, if that exists. */
  shopOf(caller: Caller): string | undefined;
}

/** Takes events in: authenticates, validates, enriches, stores and answers. */
export function createIngest(tools: IngestTools): Ingest {
  return {
    identify: (dialect, inbound) => identify(tools, dialect, inbound),
    admit: (caller) => admit(tools, caller),
    spend: ({ holder }, bytes) => tools.rates.spend(holder, bytes),
    take: (admission, body) => take(tools, admission, body),
    shopOf: ({ holder, credentials }) => {
      const shop = holder?.shop ?? tools.shops().byName(credentials.shop ?? '');
      return shop?.config.shop;
    },
  };
}

function identify({ shops }: IngestTools, dialect: Dialect, inbound: Inbound): Caller {
  const credentials = dialect.credentials(inbound);
  const holder = holderOf(shops(), dialect, credentials);
  const { origin } = inbound.headers;
  // An empty origin counts as none.
  const isForeign = typeof origin === 'string' && origin !== '' && holder?.shop.allows(origin) === false;
  return { dialect, inbound, credentials, holder, allowsOrigin: !isForeign };
}

function admit({ rates }: IngestTools, caller: Caller): Admission {
  const { dialect, inbound, credentials, holder } = caller;
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
  if (!caller.allowsOrigin) throw foreignOrigin(inbound);
  const type = mediaType(inbound.headers['content-type']);
  if (!dialect.contentTypes.includes(type) && !isJson(type)) {
    throw new RequestRefused(
      415,
      `Content-Type must be ${dialect.contentTypes.filter(Boolean).join(' or ')}, got ${type.slice(0, 100)}`,
    );
  }
  return { caller, shop, trust, holder, shopNamed: named !== undefined };
}

/** The refusal of a page whose origin the shop does not list. */
export const foreignOrigin = ({ headers }: Inbound): RequestRefused =>
  new RequestRefused(403, `the shop does not list the origin ${shownOrigin(String(headers.origin))}`, undefined, {
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

/** JSON types by the MIME Sniffing standard. */
const isJson = (type: string): boolean => /^(application\/json|text\/json|[^\s/]+\/[^\s/]+\+json)$/.test(type);

const mediaType = (header: string | string[] | undefined): string =>
  typeof header === 'string' ? (header.split(';', 1)[0] ?? '').trim().toLowerCase() : '';

async function take(tools: IngestTools, admission: Admission, body: Buffer): Promise<Answer> {
  const { shop } = admission;
  const { dialect, inbound } = admission.caller;
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
  // A 204 has no body.
  return { status: reply.status === 204 ? 200 : reply.status, body: verboseBody(reading, verdicts), headers: counts };
}

/** What enrichment found. A server sends on behalf of shoppers elsewhere, so its location is not the shopper's. */
function enriched({ enrich }: IngestTools, { caller, trust }: Admission): Pick<Context, 'channel' | 'geo' | 'agent'> {
  const { geo, ...rest } = enrich(caller.inbound);
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

/** Stores a body that is refused as a whole in quarantine, then rethrows the refusal. */
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

function resultOf({ refused }: Reading, verdicts: readonly Verdict[]): IngestResult {
  let duplicate = 0;
  for (const { kind } of verdicts) if (kind === 'duplicate') duplicate += 1;
  return { accepted: verdicts.length - duplicate, duplicate, rejected: refused.length };
}

/** The counts in the headers of every answer to events. */
export const countsOf = ({ accepted, duplicate, rejected }: IngestResult): Record<string, string> => ({
  'X-Events-Accepted': String(accepted),
  'X-Events-Rejected': String(rejected),
  'X-Events-Duplicate': String(duplicate),
});

/** The verdict on each event, in the order of the body, for requests with `?verbose=1`. */
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
