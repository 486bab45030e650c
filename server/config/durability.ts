import type { Destination } from '../../adapters/destinations/destination.ts';
import { logKind } from '../../adapters/logs/index.ts';
import type { Durability } from '../../adapters/logs/log.ts';
import type { Config } from '../../schemas/config.ts';
import type { Settings } from '../../schemas/settings.ts';
import { ConfigError } from '../base/errors.ts';
import type { Found } from './find.ts';
import { loadConfig } from './load.ts';
import { type Environment, isProduction } from './settings.ts';

/** What is needed to decide whether a configuration may run. */
export interface Runnable {
  readonly found: Found;
  readonly settings: Settings;
  readonly env: Environment;
  readonly destinations: readonly Destination[];
}

/**
 * The configuration, if a gateway with these settings may run it: it has no mistakes, and in production a restart loses nothing. The start,
 * reloads, the release and `check` all use this. Throws one ConfigError with everything that is wrong.
 */
export function loadRunnable({ found: { source }, settings, env, destinations }: Runnable): Config {
  const log = durabilityHere(settings);
  const accepted = settings.ALLOW_WEAK_DURABILITY;
  const weakLog = log === undefined || accepted ? [] : weakLogs(log, settings);
  let config: Config;
  try {
    config = loadConfig({ source, env, destinations });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ConfigError([...error.mistakes, ...weakLog], { cause: error });
  }
  const weak = accepted ? [] : [...weakLog, ...weakDestinations(config, settings, destinations)];
  if (weak.length > 0) throw new ConfigError(weak);
  return config;
}

/** The losses at a restart that ALLOW_WEAK_DURABILITY accepts, a sentence each. */
export function acceptedWeak(
  config: Config,
  settings: Settings,
  durability: Durability,
  kinds: readonly Pick<Destination, 'type' | 'onDisk'>[],
): string[] {
  return [...weakLogs(durability, settings), ...weakDestinations(config, settings, kinds)];
}

/** Throws ConfigError if a log with this durability may not be used. */
export function refuseWeakLog(durability: Durability, settings: Settings): void {
  const weak = settings.ALLOW_WEAK_DURABILITY ? [] : weakLogs(durability, settings);
  if (weak.length > 0) throw new ConfigError(weak);
}

/** What an acknowledgement guarantees with a log on this machine; undefined for a log elsewhere. */
export const durabilityHere = (settings: Settings): Durability | undefined =>
  logKind(settings.LOG_URL)?.durabilityHere(isWiped(settings));

/** Whether the disk is wiped at every restart. Heroku sets DYNO and wipes; Dokku sets it too, with a name of its own beside it, and does not. */
export const isWiped = ({ DYNO, DOKKU_APP_NAME }: Pick<Settings, 'DYNO' | 'DOKKU_APP_NAME'>): boolean =>
  DYNO !== undefined && DOKKU_APP_NAME === undefined;

function weakLogs(durability: Durability, settings: Settings): string[] {
  const lasts = durability === 'disk' || durability === 'replicated';
  if (lasts || !isProduction(settings)) return [];
  const kind = settings.LOG_URL.replace(/:\/\/.*/s, '://…');
  return [
    `LOG_URL: must name a log that lasts, got ${kind}, which here is ${durability}: acknowledged events would be lost at the next restart; ` +
      `${remedy(settings)}, or set ALLOW_WEAK_DURABILITY=1 to accept that`,
  ];
}

function weakDestinations(
  { shops }: Config,
  settings: Settings,
  kinds: readonly Pick<Destination, 'type' | 'onDisk'>[],
): string[] {
  if (!isWiped(settings)) return [];
  const onDisk = new Set(kinds.filter((kind) => kind.onDisk).map(({ type }) => type));
  return shops.flatMap(({ pipelines }, shop) =>
    pipelines.flatMap(({ destination: { type } }, pipeline) =>
      onDisk.has(type)
        ? [
            `shops[${shop}].pipelines[${pipeline}].destination.type: must be one whose events outlast a restart, got ${type}, and the disk here is wiped at every restart (DYNO is set); ` +
              'send them elsewhere, or set ALLOW_WEAK_DURABILITY=1 to accept that they are lost',
          ]
        : [],
    ),
  );
}

function remedy(settings: Settings): string {
  const ofTheLog = logKind(settings.LOG_URL)?.remedy;
  if (ofTheLog !== undefined) return ofTheLog;
  if (isWiped(settings)) return 'add PostgreSQL (heroku addons:create heroku-postgresql:essential-0)';
  return 'use lmdb:<folder> on a disk that lasts, or postgres://…';
}
