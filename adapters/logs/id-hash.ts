import { hash } from 'node:crypto';
import type { Fingerprint } from './ids.ts';

/** 128 bits of a keyed hash, as 16 characters of one byte each. Equal hashes mean equal ids, without parsing anything. */
export type IdHash = string;

/** 64 bits of a keyed hash of the key of an order, as 8 characters. */
export type OrderHash = string;

export interface Hasher {
  readonly id: (id: string) => IdHash;
  readonly order: (order: string) => OrderHash;
}

/**
 * Truncated SHA-256 of key and text. The key is secret to one log, so its files and indexes reveal nothing about ids. It is empty for a database
 * that had ids before there were keys.
 */
export const hasher = (key: string): Hasher => ({
  id: (id) => hash('sha256', key + id, 'binary').slice(0, 16),
  order: (order) => hash('sha256', key + order, 'binary').slice(0, 8),
});

/** A fingerprint as a hash of 8 characters. */
export const hashOfFingerprint = ([high, low]: Fingerprint): string =>
  String.fromCharCode(
    ...[high, low].flatMap((word) => [word >>> 24, (word >>> 16) & 255, (word >>> 8) & 255, word & 255]),
  );

export const hexOf = (bytes: string): string => Buffer.from(bytes, 'latin1').toString('hex');
