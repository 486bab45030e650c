import Type, { type TSchema } from 'typebox';
import { Check, Default } from 'typebox/value';
import { logKind } from '../../adapters/logs/index.ts';
import { Settings } from '../../schemas/settings.ts';
import { ConfigError } from '../base/errors.ts';
import { type Mistake, pathText, schemaMistakes } from './checks/schema.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** The settings of an environment, with defaults. An empty variable counts as not set. Throws ConfigError. */
export function readSettings(env: Environment): Settings {
  const given = Object.entries(Settings.properties).flatMap(([name, schema]) => {
    const text = env[name]?.trim();
    return text ? [[name, fromText(text, schema)]] : [];
  });
  const settings = Default(Settings, { ...impliedBy(env), ...Object.fromEntries(given) });
  const mistakes = [...schemaMistakes(Settings, settings).map(sentence), ...contradictions(settings)];
  if (mistakes.length > 0 || !Check(Settings, settings)) throw new ConfigError(mistakes);
  return settings;
}

/** Whether this is production: by NODE_ENV, or on Heroku. Then a start must be safe rather than easy. */
export const isProduction = (settings: Settings): boolean =>
  settings.NODE_ENV === 'production' || settings.DYNO !== undefined;

/** The same for an environment that is not checked yet. */
export const isProductionIn = ({ NODE_ENV = '', DYNO = '' }: Environment): boolean =>
  NODE_ENV.trim() === 'production' || DYNO.trim() !== '';

/** What a process of the gateway does. */
export interface Roles {
  /** Whether it delivers and trims the log. */
  readonly deliversEvents: boolean;
  /** What it answers: everything, only how it does (`health`), or nothing; then it opens no port. */
  readonly serves: 'everything' | 'health' | 'nothing';
}

/** A worker opens a port only if PORT is set: platforms give one only to web processes. */
export function rolesOf({ PROCESS }: Settings, env: Environment): Roles {
  if (PROCESS === 'worker') return { deliversEvents: true, serves: env.PORT?.trim() ? 'health' : 'nothing' };
  return { deliversEvents: PROCESS === 'all', serves: 'everything' };
}

function impliedBy(env: Environment): Partial<Settings> {
  return {
    ...(env.DATABASE_URL?.startsWith('postgres') ? { LOG_URL: env.DATABASE_URL } : {}),
    ...(env.DYNO ? { TRUST_PROXY_HOPS: 1 } : {}),
  };
}

/** Text that cannot be converted stays text, so that the mistake can quote it. */
function fromText(text: string, schema: TSchema): unknown {
  if (Type.IsArray(schema)) return text.split(/[\s,]+/).filter((part) => part !== '');
  if (Type.IsInteger(schema)) return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
  if (!Type.IsBoolean(schema)) return text;
  if (/^(1|true|yes|on)$/i.test(text)) return true;
  return /^(0|false|no|off)$/i.test(text) ? false : text;
}

const sentence = ({ path, text }: Mistake): string => `${pathText(path.slice(0, 1))}: ${text}`;

const Windows = Type.Pick(Settings, ['DEDUP_HOURS', 'RETENTION_DAYS']);
const Processes = Type.Pick(Settings, ['LOG_URL', 'PROCESS']);
const Timeouts = Type.Pick(Settings, ['HEADERS_TIMEOUT_SECONDS', 'REQUEST_TIMEOUT_SECONDS']);

function contradictions(settings: unknown): string[] {
  const found: string[] = [];
  if (Check(Windows, settings) && settings.DEDUP_HOURS > settings.RETENTION_DAYS * 24)
    found.push(
      `DEDUP_HOURS: must be at most ${settings.RETENTION_DAYS * 24} (RETENTION_DAYS in hours), got ${settings.DEDUP_HOURS}`,
    );
  if (Check(Timeouts, settings) && settings.HEADERS_TIMEOUT_SECONDS > settings.REQUEST_TIMEOUT_SECONDS)
    found.push(
      `HEADERS_TIMEOUT_SECONDS: must be at most ${settings.REQUEST_TIMEOUT_SECONDS} (REQUEST_TIMEOUT_SECONDS), got ${settings.HEADERS_TIMEOUT_SECONDS}`,
    );
  if (Check(Processes, settings) && settings.PROCESS !== 'all' && !logKind(settings.LOG_URL)?.isShared)
    found.push(
      `PROCESS: must be all if LOG_URL is ${settings.LOG_URL.replace(/:.*/s, ':…')}, got ${settings.PROCESS}, and that log belongs to one process; ` +
        'set WEB_CONCURRENCY for several processes that take events, or keep the log on PostgreSQL to run web and worker apart',
    );
  return found;
}
