import type { TSchema } from 'typebox';
import { closest } from '../../adapters/closest.ts';
import type { Destination } from '../../adapters/destinations/destination.ts';
import { dialects } from '../../adapters/dialects/index.ts';
import {
  type Config,
  type DestinationConfig,
  type Kind,
  kindSchema,
  type Pipeline,
  type Shop,
  settingsOf,
  settingsOfDialect,
} from '../../schemas/config.ts';
import { Settings } from '../../schemas/settings.ts';
import { namesMatching } from '../base/patterns.ts';
import { durabilityHere, isWiped } from './durability.ts';
import { isSensitive, withoutCredentials } from './shown.ts';

const HIDDEN = '***';

type DescribedKind = Kind & Pick<Destination, 'onDisk'>;

/**
 * Describes what a start runs with: lines for the process, the settings, shops and pipelines. Without defaults and secrets, so that it can be
 * logged.
 */
export function describeConfig(config: Config, settings: Settings, kinds: readonly DescribedKind[]): string[] {
  const changed = stated(settings, Settings.properties);
  return [
    processLine(settings),
    `settings: ${changed.length === 0 ? 'all defaults' : changed.join(' ')}`,
    ...config.shops.flatMap((shop) => [
      shopLine(shop),
      ...shop.pipelines.map(
        (pipeline) => pipelineLine(pipeline, kinds) + wiped(pipeline, settings, kinds) + unheardOf(pipeline, shop),
      ),
    ]),
  ];
}

function processLine(settings: Settings): string {
  const { PROCESS, WEB_CONCURRENCY } = settings;
  const durability = durabilityHere(settings);
  const weak = durability === undefined || durability === 'disk' ? '' : ` (${durability}: a restart loses it)`;
  const takes = WEB_CONCURRENCY > 1 ? `${WEB_CONCURRENCY} web processes take events` : 'takes events';
  const does = {
    all: WEB_CONCURRENCY > 1 ? `moves pipelines; ${takes}` : 'takes events and moves pipelines',
    web: `${takes}; others move pipelines`,
    worker: 'moves pipelines; others take events',
  };
  return `process ${PROCESS}: ${does[PROCESS]}; log ${withoutCredentials(settings.LOG_URL)}${weak}`;
}

function shopLine(shop: Shop): string {
  const facts = [
    shop.aliases.length > 0 ? `also ${shop.aliases.join(', ')}` : '',
    counted(shop.tokens.length, 'token'),
    shop.serverTokens.length > 0 ? counted(shop.serverTokens.length, 'server token') : '',
    `origins: ${shop.origins?.join(', ') ?? 'any'}`,
    shop.customEvents.length > 0 ? `custom events: ${shop.customEvents.join(', ')}` : '',
    ...dialects.flatMap(({ name, settings }) => settings?.describe(settingsOfDialect(shop, name)) ?? []),
    shop.pipelines.length === 0 ? 'no pipelines' : '',
  ];
  return `shop ${shop.shop}: ${facts.filter((fact) => fact !== '').join('; ')}`;
}

function pipelineLine(pipeline: Pipeline, kinds: readonly Kind[]): string {
  const wants = [
    pipeline.events.join(', '),
    pipeline.channels ? `on ${pipeline.channels.join(', ')}` : '',
    pipeline.trust === 'server' ? 'of servers only' : '',
    pipeline.consent.length > 0
      ? `with consent to ${pipeline.consent.join(', ')} (unknown: ${pipeline.whenUnknown})`
      : '',
  ];
  return `  pipeline ${pipeline.id}: ${wants.filter((want) => want !== '').join(' ')} -> ${destinationText(pipeline.destination, kinds)}`;
}

/** Warns of a destination on a disk that does not last, also if that was accepted. */
function wiped({ destination: { type } }: Pipeline, settings: Settings, kinds: readonly DescribedKind[]): string {
  const isOnDisk = kinds.some((kind) => kind.type === type && kind.onDisk);
  return isOnDisk && isWiped(settings) ? ' (ephemeral: the disk is wiped at every restart)' : '';
}

const contractNames = dialects.flatMap(({ names }) => Object.entries(names).flat());

/** Warns of names that no event of the shop can have: a typo would filter everything. */
function unheardOf({ events }: Pipeline, { customEvents }: Shop): string {
  const names = [...contractNames, ...customEvents];
  const missing = events.filter((pattern) => !names.some(namesMatching([pattern])));
  if (missing.length === 0) return '';
  const near = missing.map((pattern) => closest(pattern, names)).filter((name) => name !== undefined);
  const hint = near.length > 0 ? `; did you mean ${near.join(', ')}?` : '';
  return ` (no event is called ${missing.join(' or ')}, and customEvents lists no such name${hint})`;
}

/** Leaves out the settings of an unknown kind: they may be secret. */
function destinationText(destination: DestinationConfig, kinds: readonly Kind[]): string {
  const kind = kinds.find(({ type }) => type === destination.type);
  if (!kind) return destination.type;
  return [destination.type, ...stated(settingsOf(destination), kindSchema(kind).properties)].join(' ');
}

/** `name=value` of everything that differs from its default. */
function stated(values: Readonly<Record<string, unknown>>, properties: Readonly<Record<string, TSchema>>): string[] {
  return Object.entries(properties).flatMap(([name, schema]) => {
    const value = values[name];
    const usual = 'default' in schema ? JSON.stringify(schema.default) : undefined;
    if (value === undefined || JSON.stringify(value) === usual) return [];
    return [`${name}=${isSensitive(schema) ? HIDDEN : printable(value)}`];
  });
}

function printable(value: unknown): string {
  if (Array.isArray(value)) return value.join(',');
  if (typeof value === 'object') return JSON.stringify(value);
  const text = String(value);
  // Paths of web hooks are often secrets too; the host is enough to recognise one.
  if (/^https?:/.test(text) && URL.canParse(text)) return hostOnly(new URL(text));
  return withoutCredentials(text);
}

const hostOnly = ({ origin, pathname }: URL): string => (pathname === '/' ? origin : `${origin}/…`);

const counted = (count: number, thing: string): string => `${count} ${thing}${count === 1 ? '' : 's'}`;
