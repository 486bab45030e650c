import Type, { type Static } from 'typebox';

const count = (value: number, description: string, maximum = Number.MAX_SAFE_INTEGER) =>
  Type.Integer({ default: value, minimum: 1, maximum, description });
const rate = (value: number, description: string) =>
  Type.Integer({ default: value, minimum: 0, maximum: 1_000_000, description });
const seconds = (value: number, description: string) => count(value, description, 3600);

/** Edges whose geo headers can be read. */
export const GeoFamily = Type.Enum([
  'cloudflare',
  'vercel',
  'cloudfront',
  'appengine',
  'netlify',
  'fastly',
  'google',
  'akamai',
  'contentstack',
]);
export type GeoFamily = Static<typeof GeoFamily>;

/**
 * What an operator sets in the environment. `sensitive` values are never shown; `expected` says in words what a pattern wants.
 */
export const Settings = Type.Object({
  PORT: Type.Integer({
    default: 3000,
    minimum: 0,
    maximum: 65535,
    description:
      'Port to listen on; 0 picks one. A worker listens only if this is set, for `/healthz`, `/readyz` and `/metrics`.',
  }),
  HOST: Type.String({
    default: '::',
    description:
      'Address to listen on. `::` means every address, IPv4 and IPv6, or every IPv4 address on a machine without IPv6.',
  }),
  GATEWAY_CONFIG: Type.Optional(
    Type.String({
      sensitive: true,
      description:
        'The configuration: path of a YAML or JSON file, or the text itself. Without it `gateway.yaml` is read. If that is missing too, development runs a demo shop and production does not start.',
    }),
  ),
  LOG_URL: Type.String({
    default: 'lmdb:data/log',
    pattern: '^(lmdb:.+|memory:|postgres(ql)?://.+)$',
    expected: 'lmdb:<folder>, memory: or postgres://…',
    description:
      'Where the log is: `lmdb:<folder>` on a disk that lasts, `postgres://…`, or `memory:` for tests. If it is not set, `DATABASE_URL` is used.',
  }),
  DATABASE_URL: Type.Optional(
    Type.String({
      sensitive: true,
      pattern: '^postgres(ql)?://.+$',
      expected: 'postgres://…',
      description: 'PostgreSQL, under the name that hosting platforms use. `LOG_URL` wins.',
    }),
  ),
  PROCESS: Type.Enum(['all', 'web', 'worker'], {
    default: 'all',
    description:
      'What this process does: `web` takes events and answers everything else, `worker` moves pipelines and trims the log, `all` does both. `web` and `worker` need a log on PostgreSQL.',
  }),
  WEB_CONCURRENCY: count(
    1,
    'Processes that take events on this machine, behind one port. With 2 or more, another process owns the log. A worker ignores it.',
    64,
  ),
  DATABASE_CONNECTIONS: Type.Integer({
    default: 20,
    minimum: 2,
    maximum: 10_000,
    description: 'Most connections to PostgreSQL, of all processes together: 4 for `all`, 2 for `web`, 3 for `worker`.',
  }),
  DATABASE_MAX_BYTES: Type.Optional(
    Type.Integer({
      minimum: 1024 ** 2,
      maximum: Number.MAX_SAFE_INTEGER,
      description:
        "Size of the database's plan, in bytes (Heroku essential-0: 1000000000). If less than a fifth of it is left, or less than four times `DISK_RESERVE_BYTES`, that is logged and shown by `/readyz` and `/metrics`; nothing is refused. Ignored without PostgreSQL.",
    }),
  ),
  RETENTION_DAYS: count(7, 'Days that delivered events stay on the log, for replay and receipts.', 3650),
  LOG_MAX_BYTES: Type.Integer({
    default: 10 * 1024 ** 3,
    minimum: 1024 ** 2,
    maximum: Number.MAX_SAFE_INTEGER,
    description:
      'Largest size of the log, in bytes. Above it the oldest events are removed, even if a pipeline has not passed them.',
  }),
  DISK_RESERVE_BYTES: Type.Integer({
    default: 512 * 1024 ** 2,
    minimum: 1024 ** 2,
    maximum: Number.MAX_SAFE_INTEGER,
    description:
      'Room on the disk of the log, in bytes, that is kept for deliveries; at most 5 % of the disk. Below it all events get 503, below twice as much browse events; below four times as much it is logged and shown. Ignored with a log on PostgreSQL.',
  }),
  APPEND_TIMEOUT_SECONDS: seconds(
    10,
    'Seconds that the log may take to store a request. After that the request gets 503, and so do further ones until the log answers again. Must be less than the timeout of the router in front (Heroku: 30).',
  ),
  DEDUP_HOURS: count(24, 'Hours within which a repeated event id is a duplicate; at most the retention.'),
  DEDUP_MAX_IDS: count(
    5_000_000,
    'Most event ids that an embedded log remembers, over all shops. Above it the oldest are forgotten before `DEDUP_HOURS` are over, and that is logged. Each takes up to 16 bytes of memory: 5 million take 80 MB.',
    1_000_000_000,
  ),
  QUARANTINE_MAX_PER_SHOP: count(10_000, 'Refused events kept per shop; above it the oldest are removed.', 10_000_000),
  QUARANTINE_MAX_BYTES_PER_SHOP: Type.Integer({
    default: 512 * 1024 ** 2,
    minimum: 1024 ** 2,
    maximum: Number.MAX_SAFE_INTEGER,
    description: 'Bytes of refused events kept per shop; above it the oldest are removed.',
  }),
  QUARANTINE_DAYS: count(90, 'Days that refused events are kept.', 3650),
  DEAD_LETTERS_MAX_PER_PIPELINE: count(
    100_000,
    'Dead letters kept per pipeline; above it the oldest are removed.',
    10_000_000,
  ),
  DEAD_LETTER_DAYS: count(90, 'Days that dead letters are kept.', 3650),
  GEO_HEADERS: Type.Array(GeoFamily, {
    default: [],
    description:
      'Edges in front of the gateway whose geo headers are trusted, separated by commas. Name only what is really there: anyone can send these headers.',
  }),
  GEOIP_DB: Type.Optional(
    Type.String({ description: 'Path of a MaxMind-format database, for requests without trusted geo headers.' }),
  ),
  TRUST_PROXY_HOPS: Type.Integer({
    default: 0,
    minimum: 0,
    maximum: 16,
    description: "Proxies in front that append the client's address to `X-Forwarded-For`. 1 if `DYNO` is set.",
  }),
  ADMIN_TOKEN: Type.Optional(
    Type.String({
      sensitive: true,
      minLength: 32,
      pattern: '^[\\x21-\\x7e]*$',
      expected: 'at least 32 characters without spaces, for example from `openssl rand -hex 32`',
      description:
        'Bearer token of `/admin`. Without it there is no `/admin`, except in the demo, which makes a token at each start and prints it.',
    }),
  ),
  LOG_LEVEL: Type.Enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'], {
    default: 'info',
    description: 'Lines of this level and above are printed.',
  }),
  ALLOW_WEAK_DURABILITY: Type.Boolean({
    default: false,
    description:
      'Start in production even if the log, or files of pipelines, would not survive a restart of the machine. Each start says what would be lost.',
  }),
  NODE_ENV: Type.String({
    default: 'development',
    description: '`production` starts only with a configuration and a log that lasts.',
  }),
  DYNO: Type.Optional(
    Type.String({ description: 'Set by Heroku. Means production, on a disk that is wiped at every restart.' }),
  ),
  DOKKU_APP_NAME: Type.Optional(
    Type.String({
      description: 'Set by Dokku, which also sets `DYNO`: there data lasts if its folder is mounted.',
    }),
  ),
  RATE_PER_TOKEN: rate(
    1000,
    'Most requests a second of one token, per process, on average; twice as many may come at once. A request over 16 KB counts as several. 0 means no limit.',
  ),
  RATE_PER_SHOP: rate(2000, 'The same for all tokens of a shop together.'),
  BODY_MAX_BYTES: count(
    256 * 1024,
    'Largest request body after decompression, in bytes. A compressed body may be 4 KB larger.',
    1024 ** 2,
  ),
  MAX_IN_FLIGHT_BYTES: count(
    48 * 1024 ** 2,
    'Most bytes of request bodies that are being received or wait for the log, per process. Above three quarters of it, shops that hold more than their share get 503 for browse events, and above all of it for everything. Unfinished headers may take an eighth of it in addition.',
  ),
  EVENT_MAX_BYTES: count(64 * 1024, 'Largest single event, in bytes of its JSON.', 1024 ** 2),
  EVENT_MAX_DEPTH: count(32, 'Deepest nesting of an event, in levels.', 256),
  EVENT_MAX_KEYS: count(
    2048,
    'Most keys of one event, nested ones included. A checkout of 20 lines has about 850.',
    10_000,
  ),
  EVENT_MAX_TEXT: count(64 * 1024, 'Longest text of one field of an event, in characters.', 1024 ** 2),
  HEADERS_MAX_BYTES: Type.Integer({
    default: 32 * 1024,
    minimum: 8 * 1024,
    maximum: 64 * 1024,
    description:
      'Largest headers of a request including its address, in bytes; larger ones get 431. Cookies of a shop may take 20 KB.',
  }),
  HEADERS_TIMEOUT_SECONDS: seconds(
    10,
    'Seconds for a client to send its headers, from their first byte. A body may stall for as long. At most `REQUEST_TIMEOUT_SECONDS`.',
  ),
  REQUEST_TIMEOUT_SECONDS: seconds(
    15,
    'Seconds for a client to send its whole request; twice as long if its body keeps coming.',
  ),
  KEEP_ALIVE_TIMEOUT_SECONDS: seconds(
    95,
    'Seconds that an idle connection stays open, also before its first byte. Must be longer than that of the router in front (Heroku: 90).',
  ),
  DRAIN_SECONDS: seconds(
    25,
    'Seconds to finish requests and deliveries after SIGTERM. Must be less than the platform waits (Heroku: 30).',
  ),
  MAX_CONNECTIONS: count(10_000, 'Most open client connections per process; more are closed at once.', 1_000_000),
});
export type Settings = Static<typeof Settings>;
