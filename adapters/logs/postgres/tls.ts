import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { ConnectionOptions, SecureVersion } from 'node:tls';
import { LogUnusable } from '../log.ts';

/** No TLS, or TLS with these options. */
type Way = false | ConnectionOptions;

export interface Ways {
  readonly ssl: Way;
  /** Tried if the first way fails. */
  readonly otherwise?: Way;
}

export interface TlsParameters {
  readonly sslmode?: string | undefined;
  readonly sslrootcert?: string | undefined;
  readonly sslcert?: string | undefined;
  readonly sslkey?: string | undefined;
  readonly ssl_min_protocol_version?: string | undefined;
  readonly ssl_max_protocol_version?: string | undefined;
}

const MODES = ['disable', 'allow', 'prefer', 'require', 'no-verify', 'verify-ca', 'verify-full'];
const VERSIONS = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'];

/** How to use TLS, as libpq documents `sslmode` and related parameters; `no-verify` is what other Node clients call `require`. */
export function tlsOf(given: TlsParameters, encrypt: boolean): Ways {
  const mode = given.sslmode ?? (encrypt ? 'require' : 'disable');
  if (!MODES.includes(mode)) refuse(`LOG_URL: sslmode must be one of ${MODES.join(', ')}, got another`);
  const isSystem = given.sslrootcert === 'system';
  if (isSystem && mode !== 'verify-full')
    refuse(
      'LOG_URL: sslmode must be verify-full where sslrootcert is system, got another, with which anybody with such a certificate would do',
    );
  const root = given.sslrootcert !== undefined && !isSystem ? rootsIn(given.sslrootcert) : undefined;
  const own = { ...versionsIn(given), ...identityIn(given) };
  // Encrypted without verifying the server: platforms use self-signed certificates. With a root certificate, the server's certificate must be
  // signed by it.
  const anybody: ConnectionOptions = { ...own, rejectUnauthorized: false };
  const signed: ConnectionOptions | undefined =
    root === undefined
      ? undefined
      : { ...own, ca: root, rejectUnauthorized: true, checkServerIdentity: () => undefined };
  switch (mode) {
    case 'disable':
      return { ssl: false };
    case 'allow':
      return { ssl: false, otherwise: signed ?? anybody };
    case 'prefer':
      return { ssl: signed ?? anybody, otherwise: false };
    case 'no-verify':
      return { ssl: anybody };
    case 'verify-ca':
      return {
        ssl:
          signed ??
          refuse(
            'LOG_URL: sslmode=verify-ca must come with sslrootcert, the file of the certificates to trust, got none; or use verify-full',
          ),
      };
    case 'verify-full':
      // Without a root, or with "system": the roots that Node trusts, including NODE_EXTRA_CA_CERTS.
      return { ssl: { ...own, rejectUnauthorized: true, ...(root !== undefined && { ca: root }) } };
    default:
      return { ssl: signed ?? anybody };
  }
}

const refuse = (sentence: string): never => {
  throw new LogUnusable(sentence);
};

function rootsIn(path: string): string {
  const text = textOf('sslrootcert', path);
  const certificates = text.match(/-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----/gs) ?? [];
  if (certificates.length === 0 || !certificates.every(isCertificate)) malformed('sslrootcert', path, 'certificates');
  return text;
}

function identityIn({ sslcert, sslkey }: TlsParameters): Pick<ConnectionOptions, 'cert' | 'key'> {
  if (sslcert === undefined && sslkey === undefined) return {};
  if (sslcert === undefined || sslkey === undefined)
    return refuse('LOG_URL: sslcert and sslkey must come together, got one; give both files, or neither');
  const [cert, key] = [textOf('sslcert', sslcert), textOf('sslkey', sslkey)];
  if (!isCertificate(cert)) malformed('sslcert', sslcert, 'a certificate');
  if (!isKeyOf(cert, key)) malformed('sslkey', sslkey, 'the private key of sslcert, without a passphrase,');
  return { cert, key };
}

function versionsIn(given: TlsParameters): Pick<ConnectionOptions, 'minVersion' | 'maxVersion'> {
  const version = (name: 'ssl_min_protocol_version' | 'ssl_max_protocol_version'): SecureVersion | undefined => {
    const value = given[name];
    if (value !== undefined && !VERSIONS.includes(value))
      refuse(`LOG_URL: ${name} must be one of ${VERSIONS.join(', ')}, got another`);
    return value as SecureVersion | undefined;
  };
  const [minVersion, maxVersion] = [version('ssl_min_protocol_version'), version('ssl_max_protocol_version')];
  return { ...(minVersion && { minVersion }), ...(maxVersion && { maxVersion }) };
}

function textOf(name: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return refuse(`LOG_URL: ${name} must name a file that can be read, got ${path} (${code}); see to the file`);
  }
}

const malformed = (name: string, path: string, what: string): never =>
  refuse(`LOG_URL: ${name} must name a file with ${what} in PEM, got ${path}; see to the file`);

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0;
  } catch {
    return false;
  }
}

function isKeyOf(cert: string, key: string): boolean {
  try {
    return new X509Certificate(cert).checkPrivateKey(createPrivateKey(key));
  } catch {
    return false;
  }
}
