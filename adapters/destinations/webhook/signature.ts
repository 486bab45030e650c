import { createHmac } from 'node:crypto';

const prefix = 'whsec_';

/** Mistakes of a signing secret, as sentences that do not repeat it; empty if it is valid or absent. */
export function secretMistakes(name: string, secret: string | undefined): readonly string[] {
  if (secret === undefined) return [];
  const got = wrong(secret);
  if (got === undefined) return [];
  return [
    `${name}: must be ${prefix} followed by base64 of 24 to 64 bytes, got ${got}; copy it whole from the receiver, or make one for both as adapters/destinations/README.md shows`,
  ];
}

function wrong(secret: string): string | undefined {
  if (!secret.startsWith(prefix)) return `text without ${prefix}`;
  const text = secret.slice(prefix.length);
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64') !== text) return `${prefix} and text that is not base64`;
  return bytes.length < 24 || bytes.length > 64 ? `${bytes.length} bytes` : undefined;
}

/**
 * The headers of Standard Webhooks 1.0.0: id, time of this attempt, and one signature per secret. With two secrets a receiver that knows either
 * one accepts the request while they are being rotated.
 */
export function signedHeaders(
  id: string,
  now: number,
  body: string,
  secrets: readonly string[],
): Readonly<Record<string, string>> {
  const timestamp = Math.floor(now / 1_000);
  return {
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': secrets.map((secret) => `v1,${signature(secret, `${id}.${timestamp}.${body}`)}`).join(' '),
  };
}

// Uses Node's own hash: the package of the standard signs in JavaScript, which takes eight times as long for a large batch.
const signature = (secret: string, content: string): string =>
  createHmac('sha256', Buffer.from(secret.slice(prefix.length), 'base64'))
    .update(content)
    .digest('base64');
