import { isIP } from 'node:net';
import type { InboundRequest } from '../../adapters/dialects/dialect.ts';

/**
 * The client's address. With n trusted proxies (`hops`) it is the n-th entry of X-Forwarded-For from the right. Without proxies, or if that
 * entry is missing or no address, it is the socket's.
 */
export function clientAddress(
  headers: InboundRequest['headers'],
  socketAddress: string | undefined,
  trustProxyHops: number,
): string | undefined {
  const forwarded = trustProxyHops > 0 ? single(headers['x-forwarded-for'])?.split(',').at(-trustProxyHops) : undefined;
  return plainAddress(forwarded) ?? plainAddress(socketAddress);
}

function plainAddress(entry: string | undefined): string | undefined {
  if (entry === undefined || entry.length > 64) return undefined;
  const [, bracketed, dotted] = /^\[([^\]]+)\](?::\d+)?$|^([\d.]+):\d+$/.exec(entry.trim()) ?? [];
  const address = (bracketed ?? dotted ?? entry.trim()).replace(/^::ffff:(?=\d+\.)/i, '');
  return isIP(address) === 0 ? undefined : address;
}

// A header that was sent twice is an array; neither value can be trusted.
const single = (value: string | string[] | undefined): string | undefined =>
  typeof value === 'string' ? value : undefined;
