import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { idOf, type Mark } from './events.ts';

/** What the loader knows of one attempt of one request: events `from` … of a lane, which went out together. */
export type Entry =
  | {
      readonly kind: 'sent';
      readonly shop: string;
      readonly lane: string;
      readonly from: number;
      readonly crcs: number[];
    }
  | {
      /** A complete 2xx; a complete other answer; anything else: it may be in or out. */
      readonly kind: 'acked' | 'refused' | 'unknown';
      readonly lane: string;
      readonly from: number;
      readonly count: number;
      /** The HTTP status, or what broke. */
      readonly why: string;
      /** When that was known, in milliseconds since 1970, how long it took, and when the answer asked to come again. */
      readonly at?: number;
      readonly ms?: number;
      readonly retryAfter?: string | undefined;
    };

export interface Ledger {
  readonly sent: ReadonlyMap<string, Mark>;
  readonly acked: ReadonlySet<string>;
  /** Refused with 4xx and never acknowledged. */
  readonly refused: ReadonlySet<string>;
  /** Never completely answered. */
  readonly unknown: number;
}

/** Appends lines of JSON. Each is with the operating system when `write` returns; who writes is never killed, so that is enough. */
export function journal(path: string): { write(...lines: readonly object[]): void; close(): void } {
  const file = openSync(path, 'a');
  return {
    write: (...lines) => void writeSync(file, lines.map((line) => `${JSON.stringify(line)}\n`).join('')),
    close: () => closeSync(file),
  };
}

/** The complete lines of a journal; one that is being written is left out. */
export function linesOf<T>(path: string): T[] {
  const text = readFileSync(path, 'utf8');
  return text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T);
}

/** What a run sent and what it was told, from its entries in order. */
export function ledgerOf(run: string, entries: readonly Entry[]): Ledger {
  const sent = new Map<string, Mark>();
  const acked = new Set<string>();
  const refused = new Set<string>();
  for (const entry of entries) {
    if (entry.kind === 'sent') for (const mark of marksOf(run, entry)) sent.set(mark.id, mark);
    else if (entry.kind === 'acked') for (const id of idsOf(run, entry)) acked.add(id);
    else if (entry.kind === 'refused' && entry.why.startsWith('4')) for (const id of idsOf(run, entry)) refused.add(id);
  }
  for (const id of acked) refused.delete(id);
  return { sent, acked, refused, unknown: sent.size - acked.size - refused.size };
}

const marksOf = (run: string, { shop, lane, from, crcs }: Entry & { kind: 'sent' }): Mark[] =>
  crcs.map((crc, index) => ({ id: idOf(run, lane, from + index), shop, lane, n: from + index, crc }));

const idsOf = (run: string, { lane, from, count }: { lane: string; from: number; count: number }): string[] =>
  Array.from({ length: count }, (_, index) => idOf(run, lane, from + index));
