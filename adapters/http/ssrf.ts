import type { LookupAddress } from 'node:dns';
import type { LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';

const ports = new Set(['', '443', '8443']);
// Answers with credentials to any machine in an Azure network, from an address that looks public.
const metadataService = '168.63.129.16';

/**
 * Why events may not go to this URL, as sentences; empty if they may. It checks only the text. A name can change its address at any time, so
 * `publicOnly` checks that at every connection. Never repeats the URL, which may hold a token.
 */
export function urlMistakes(text: string, allowPrivateNetworks: boolean): readonly string[] {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url) return ['url: must be an absolute URL such as https://example.com/hooks, got text that is not a URL'];
  const mistakes: string[] = [];
  if (url.username !== '' || url.password !== '')
    mistakes.push(
      'url: must have no user name or password in it, got one; put them into headers, for example authorization',
    );
  if (allowPrivateNetworks) return [...mistakes, ...schemeMistakes(url, ['https:', 'http:'])];
  return [...mistakes, ...schemeMistakes(url, ['https:']), ...portMistakes(url), ...hostMistakes(url)];
}

/**
 * 'public' for a public internet address, else the name of its special range (loopback, private, linkLocal …). Only 'public' is safe to connect
 * to.
 */
export function kindOf(address: string): string {
  if (!ipaddr.isValid(address)) return 'unreadable';
  const parsed = ipaddr.parse(address);
  const range = parsed.range();
  if (range !== 'unicast') return range;
  if (address === metadataService) return 'metadata service';
  // Public IPv6 is 2000::/3. The rest counts as unicast too, ::7f00:1 (127.0.0.1 in the oldest notation) among it.
  const publicBits = parsed.kind() === 'ipv4' || (parsed.toByteArray()[0] ?? 0) >> 5 === 1;
  return publicBits ? 'public' : 'reserved';
}

/** A connection that the guard did not allow. The message names the host, the address and what to do. */
export class AddressRefused extends Error {
  readonly code = 'ERR_ADDRESS_REFUSED';
  constructor(host: string, address: string) {
    super(`${host} is at ${address}, which is not a public address (${kindOf(address)}); ${remedy}`);
    this.name = 'AddressRefused';
  }
}

/**
 * Like `lookup`, but fails with AddressRefused if any of the addresses is not public. The connection uses exactly the addresses that were
 * checked, so a name cannot change in between (DNS rebinding).
 */
export function publicOnly(lookup: LookupFunction): LookupFunction {
  return (host, options, callback) => {
    lookup(host, { ...options, all: true }, (error, found, family) => {
      if (error) return callback(error, '', 0);
      const addresses: LookupAddress[] = Array.isArray(found) ? found : [{ address: found, family: family ?? 0 }];
      const refused = addresses.find(({ address }) => kindOf(address) !== 'public');
      const [first] = addresses;
      if (refused || !first) return callback(new AddressRefused(host, refused?.address ?? 'no address'), '', 0);
      if (options.all) return callback(null, addresses);
      callback(null, first.address, first.family);
    });
  };
}

const remedy = 'if it is your own network, set allowPrivateNetworks: true';

const schemeMistakes = ({ protocol }: URL, allowed: readonly string[]): string[] => {
  if (allowed.includes(protocol)) return [];
  const hint = protocol === 'http:' ? `; use https:, or, ${remedy}` : '';
  return [`url: must start with ${allowed.join(' or ')}, got ${protocol}${hint}`];
};

const portMistakes = ({ port }: URL): string[] =>
  ports.has(port) ? [] : [`url: must have port 443 or 8443, got ${port}; ${remedy}`];

// The URL parser has already turned 2130706433, 0x7f.1 and 0177.0.0.1 into 127.0.0.1.
function hostMistakes({ hostname }: URL): string[] {
  const host = hostname.replace(/^\[|\]$/g, '');
  if (host === '') return ['url: must have a host name, got none'];
  if (ipaddr.isValid(host) && kindOf(host) !== 'public')
    return [`url: must have a public address, got ${host} (${kindOf(host)}); ${remedy}`];
  if (/(^|\.)localhost\.?$/.test(host)) return [`url: must have a public host, got ${host}; ${remedy}`];
  return [];
}
