import type pg from 'pg';
import { LogUnusable } from '../log.ts';
import { tlsOf, type Ways } from './tls.ts';

/** How to connect to a database. `otherwise`: the second way if the first fails, for `sslmode` allow and prefer. */
export interface DatabaseConfig extends pg.ClientConfig {
  readonly otherwise?: Ways['otherwise'];
}

const URL_FORM = /^postgres(?:ql)?:\/\/(?:([^/?]*)@)?([^/?]*)(?:\/([^?]*))?(?:\?(.*))?$/s;
const HOST_FORM = /^(?:\[([^\]]+)\]|([^:[\]]*))(?::(\d+))?$/;

/** The supported parameters of libpq, with its meanings. A guarantee that would not be kept is refused. */
const PARAMETERS = [
  'host',
  'port',
  'user',
  'password',
  'dbname',
  'sslmode',
  'ssl',
  'sslrootcert',
  'sslcert',
  'sslkey',
  'sslnegotiation',
  'ssl_min_protocol_version',
  'ssl_max_protocol_version',
  'application_name',
  'connect_timeout',
  'options',
  'channel_binding',
  'gssencmode',
  'target_session_attrs',
  // A parameter of the driver's own parser; only libpq's reading applies here.
  'uselibpqcompat',
] as const;
type Parameter = (typeof PARAMETERS)[number];
type Parameters = Readonly<Partial<Record<Parameter, string>>>;

/** Parameters with values that ask for the default. */
const HARMLESS: Readonly<Partial<Record<Parameter, readonly string[]>>> = {
  channel_binding: ['disable', 'prefer'],
  gssencmode: ['disable', 'prefer'],
  target_session_attrs: ['any', 'read-write', 'primary'],
};

const UNREADABLE =
  'LOG_URL: must be postgres://user:password@host:port/database, got what cannot be read as that; in a password write % as %25, @ as %40, : as %3A, / as %2F, ? as %3F and # as %23';

/**
 * Reads a `postgres://` URL as libpq does. TLS follows its sslmode; without one, `encrypt`. Throws LogUnusable, in a sentence without the URL,
 * if something in it is not supported.
 */
export function configOf(url: string, encrypt: boolean, name: string): DatabaseConfig {
  const [, credentials = '', hosts = '', path = '', query = ''] = URL_FORM.exec(url) ?? refuse(UNREADABLE);
  if (!hosts.includes(',') && !HOST_FORM.test(hosts)) refuse(UNREADABLE);
  const given = parametersIn(query);
  const [user = '', ...password] = credentials.split(':');
  const { host, port } = addressIn(hosts, given);
  const ways: Ways = host.startsWith('/')
    ? { ssl: false }
    : tlsOf({ ...given, sslmode: given.sslmode ?? modeOf(given) }, encrypt);
  const config = {
    host,
    ...(port !== undefined && { port }),
    ...present('user', given.user ?? decoded(user)),
    ...present('password', given.password ?? decoded(password.join(':'))),
    ...present('database', given.dbname ?? decoded(path)),
    ...present('options', given.options),
    application_name: given.application_name ?? name,
    ...ways,
    ...(given.sslnegotiation !== undefined && { sslnegotiation: negotiationOf(given.sslnegotiation, ways) }),
    ...(given.connect_timeout !== undefined && { connectionTimeoutMillis: timeoutOf(given.connect_timeout) }),
  };
  return config as DatabaseConfig;
}

const refuse = (sentence: string): never => {
  throw new LogUnusable(sentence);
};

const present = (key: string, value: string | undefined): Record<string, string> => (value ? { [key]: value } : {});

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return refuse(UNREADABLE);
  }
}

function parametersIn(query: string): Parameters {
  const all = query.split('&').filter((part) => part !== '');
  const given = Object.fromEntries(
    all.map((part) => {
      const [name = '', ...value] = part.split('=');
      // The name is not shown: it may be part of a password that contains a question mark.
      if (!(PARAMETERS as readonly string[]).includes(name))
        refuse(
          `LOG_URL: must have no parameters but ${PARAMETERS.join(', ')}, got another; take it out, or give this gateway a URL of its own`,
        );
      return [name, decoded(value.join('='))];
    }),
  ) as Parameters;
  for (const [name, values] of Object.entries(HARMLESS)) {
    const value = given[name as Parameter];
    if (value !== undefined && !values.includes(value))
      refuse(
        `LOG_URL: ${name} must be ${values.join(' or ')}, got another value, which is not promised here; ${name === 'target_session_attrs' ? 'the log needs a server that takes writes' : 'use sslmode=verify-full, which keeps others out too'}`,
      );
  }
  return given;
}

function addressIn(hosts: string, given: Parameters): { readonly host: string; port?: number } {
  if (`${hosts}${given.host ?? ''}${given.port ?? ''}`.includes(','))
    refuse(
      'LOG_URL: must name one host, got several; give a name or an address that leads to the server that takes writes',
    );
  const [, address, named = '', number] = HOST_FORM.exec(hosts) ?? refuse(UNREADABLE);
  const host = given.host || (address ?? decoded(named));
  if (!host)
    return refuse('LOG_URL: must name a host, got none; for a Unix socket add ?host= with the folder that it is in');
  const port = given.port ?? number;
  if (port === undefined) return { host };
  if (!/^\d{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65535)
    refuse('LOG_URL: the port must be a whole number from 1 to 65535, got another value; the usual one is 5432');
  return { host, port: Number(port) };
}

/** JDBC writes `ssl=true`; libpq reads that as `sslmode=require`. */
function modeOf({ ssl, sslrootcert }: Parameters): string | undefined {
  if (ssl !== undefined && ssl !== 'true')
    refuse('LOG_URL: ssl must be true, got another value; say sslmode=disable where nothing is to be encrypted');
  if (ssl === 'true') return 'require';
  return sslrootcert === 'system' ? 'verify-full' : undefined;
}

function negotiationOf(value: string, { ssl, otherwise }: Ways): string {
  if (value !== 'postgres' && value !== 'direct')
    return refuse('LOG_URL: sslnegotiation must be postgres or direct, got another value');
  if (value === 'direct' && (ssl === false || otherwise !== undefined))
    return refuse(
      'LOG_URL: sslnegotiation must be postgres where TLS may be left out, got direct; or set sslmode=require',
    );
  return value;
}

function timeoutOf(value: string): number {
  const seconds = Number(value);
  if (!Number.isInteger(seconds) || seconds < 1 || seconds > 60)
    return refuse('LOG_URL: connect_timeout must be a whole number of seconds from 1 to 60, got another value');
  // As libpq has it.
  return Math.max(2, seconds) * 1000;
}
