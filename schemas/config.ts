import Type, { type Static, type TObject, type TSchema } from 'typebox';
import { Consent } from './event.ts';

const closed = { additionalProperties: false };
const DOMAIN = '^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+$';
const TOKEN = '^(sha256:[0-9a-f]{64}|(?!sha256:)[\\x21-\\x7e]+)$';

const domain = (example: string, description: string) =>
  Type.String({ pattern: DOMAIN, expected: `a domain in lower case such as ${example}`, description });

const Token = Type.String({
  pattern: TOKEN,
  sensitive: true,
  expected: 'a token without spaces, or sha256: and 64 hex digits in lower case',
});

const EventPattern = Type.String({ pattern: '^\\S+$', expected: 'an event name without spaces' });

/** What the configuration knows of a kind of destination. */
export interface Kind {
  readonly type: string;
  readonly description: string;
  readonly settings: TObject;
}

/** A destination in the configuration: its type, and the settings of that kind beside it. */
export interface DestinationConfig {
  readonly type: string;
  readonly [setting: string]: unknown;
}

/** The schema of one kind in the file: its type beside its settings. */
export const kindSchema = (kind: Kind): TObject =>
  Type.Object(
    { type: Type.Literal(kind.type), ...kind.settings.properties },
    { ...closed, description: kind.description },
  );

export const pipelineSchema = (kinds: readonly Kind[]) =>
  Type.Object(
    {
      id: Type.String({
        pattern: '^(?!.*-r[0-9]+$)[a-z0-9][a-z0-9_-]{0,62}$',
        expected: 'up to 63 lower-case letters, digits, - and _, without an end such as -r1, which replays have',
        description: 'Unique in its shop. Its place on the log is kept under this id, so a new id is a new pipeline.',
      }),
      events: Type.Array(EventPattern, {
        default: ['*'],
        minItems: 1,
        description:
          'Events it wants, by canonical type or by the name as sent; `*` stands for any characters, for example `product_*`.',
      }),
      channels: Type.Optional(
        Type.Array(Type.Enum(['web', 'app']), {
          minItems: 1,
          description: 'Shopping channels that it wants; all by default.',
        }),
      ),
      trust: Type.Enum(['any', 'server'], {
        default: 'any',
        description:
          'Whose events it wants: `server` only those sent with one of `serverTokens`. Any shopper can read the other tokens, and send a purchase that never was.',
      }),
      consent: Type.Array(Type.KeyOf(Consent), {
        default: [],
        description: 'Purposes the shopper must have agreed to. Denied events are filtered with that reason.',
      }),
      whenUnknown: Type.Enum(['filter', 'send'], {
        default: 'filter',
        description: 'What to do with events that state nothing about a purpose in `consent`.',
      }),
      lanes: Type.Integer({
        default: 1,
        minimum: 1,
        maximum: 16,
        description:
          'Connections that send side by side, where the destination can. A shopper always stays in one lane, so the order per shopper is kept.',
      }),
      destination: Type.Unsafe<DestinationConfig>(
        Type.Union(kinds.map(kindSchema), {
          expected: `a destination with one of these types: ${kinds.map((kind) => kind.type).join(', ')}`,
          description: 'Where the events go: its `type`, and the settings of that type beside it.',
        }),
      ),
    },
    { ...closed, expected: 'a pipeline', description: 'A filter and a destination.' },
  );

/** What the configuration knows of a dialect. */
export interface DialectKind {
  readonly name: string;
  /** What a shop can set for it, under its name. Has a default. */
  readonly settings?: { readonly schema: TObject };
}

/** Untyped: only the dialect knows its settings, and gets them from `settingsOfDialect`. */
const settingsByDialect = (dialects: readonly DialectKind[]): Readonly<Record<never, TSchema>> =>
  Object.fromEntries(dialects.flatMap(({ name, settings }) => (settings ? [[name, settings.schema]] : [])));

export const shopSchema = (pipeline: ReturnType<typeof pipelineSchema>, dialects: readonly DialectKind[]) =>
  Type.Object(
    {
      shop: domain('demo.myshopify.com', "The shop's Shopify domain."),
      aliases: Type.Array(domain('shop.example.com', ''), {
        default: [],
        description: 'Other domains by which requests may name the shop.',
      }),
      tokens: Type.Array(Token, {
        minItems: 1,
        description:
          'Tokens of storefronts and apps, several during rotation; as they are or as `sha256:<hex>`. Shoppers can read them, so their events have `trust: public`.',
      }),
      serverTokens: Type.Array(Token, {
        default: [],
        description: 'Tokens that only servers hold. Their events have `trust: server`.',
      }),
      origins: Type.Optional(
        Type.Array(
          Type.String({
            pattern: '^(null|https?://[^/?#@\\s*]+|(?!https?:)[a-z][a-z0-9+.-]*://[^/?#@\\s*]*)$',
            expected: 'an origin such as https://shop.example.com (leave origins out to allow any)',
          }),
          {
            minItems: 1,
            description:
              'Browser origins allowed to send, as browsers write them; also those of apps and files (`capacitor://localhost`, `file://`) and `null`. Without it: any but `null`.',
          },
        ),
      ),
      successStatus: Type.Enum([201, 204], {
        default: 201,
        description:
          'How `POST /beacon` answers success: 201 with `null`, or 204 for clients built on the older contract.',
      }),
      customEvents: Type.Array(EventPattern, {
        default: [],
        description: "Event names to accept beyond the contract's own.",
      }),
      ...settingsByDialect(dialects),
      pipelines: Type.Array(pipeline, { default: [], description: 'Where the events of the shop go.' }),
    },
    { ...closed, expected: 'a shop', description: 'A tenant, named by its Shopify domain.' },
  );

/** The configuration file, given the kinds of destination and the dialects there are. */
export const configSchema = (kinds: readonly Kind[], dialects: readonly DialectKind[]) =>
  Type.Object(
    {
      shops: Type.Array(shopSchema(pipelineSchema(kinds), dialects), {
        minItems: 1,
        description: 'The shops it serves.',
      }),
    },
    { ...closed, expected: 'a configuration with shops' },
  );

export type Config = Static<ReturnType<typeof configSchema>>;
export type Shop = Config['shops'][number];
export type Pipeline = Shop['pipelines'][number];

/** The settings of a destination, without its type: what its kind's `connect` takes. */
export function settingsOf({ type: _, ...settings }: DestinationConfig): Readonly<Record<string, unknown>> {
  return settings;
}

/** A shop's settings for a dialect, with defaults, checked by the schema. */
export const settingsOfDialect = (shop: Shop, dialect: string): unknown =>
  (shop as Readonly<Record<string, unknown>>)[dialect];
