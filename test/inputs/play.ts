import type { Event } from '../../schemas/event.ts';
import type { Reply } from '../support/gateway.ts';
import type { Row, Sent } from './row.ts';
import { openStage, type Quarantined } from './stage.ts';
import { exchange } from './wire.ts';

/** A row and all that came of it. */
export interface Played {
  readonly row: Row;
  readonly requests: readonly Sent[];
  readonly answers: readonly Reply[];
  readonly events: readonly Event[];
  /** The bodies that its receiver got. */
  readonly bodies: readonly string[];
  readonly quarantined: readonly Quarantined[];
}

export interface Playing {
  readonly played: readonly Played[];
  /** What the gateway logged as errors. */
  readonly errors: readonly string[];
}

const AT_ONCE = 32;

/** Plays all rows on one gateway, over HTTP, and gives what came of each. */
export async function play(rows: readonly Row[]): Promise<Playing> {
  const stage = await openStage(rows.map(shopOf), 'memory');
  try {
    const answers: Reply[][] = rows.map(() => []);
    const queue = rows.map((row, index) => ({ row, index }));
    const worker = async (): Promise<void> => {
      for (let next = queue.shift(); next; next = queue.shift()) {
        for (const sent of requestsOf(next.row, next.index))
          answers[next.index]?.push(...(await exchange(stage.port, sent)));
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    const accepted = answers.flat().map(({ headers }) => Number(headers['x-events-accepted'] ?? 0));
    const received = await stage.received(accepted.reduce((sum, count) => sum + count, 0));
    const quarantined = await stage.quarantined();
    const played = rows.map((row, index) => ({
      row,
      requests: requestsOf(row, index),
      answers: answers[index] ?? [],
      events: received.get(named(index))?.events ?? [],
      bodies: received.get(named(index))?.bodies ?? [],
      quarantined: quarantined.get(named(index)) ?? [],
    }));
    return { played, errors: stage.errors };
  } finally {
    await stage.close();
  }
}

const named = (index: number): string => `row-${index}.myshopify.com`;

const shopOf = ({ shop = {} }: Row, index: number): object => ({
  shop: named(index),
  tokens: [`token-${index}`],
  serverTokens: [`server-token-${index}`],
  ...(filledIn(shop, index) as object),
});

const requestsOf = (row: Row, index: number): Sent[] =>
  [row.sends].flat().map((sent) => ({ ...(filledIn({ ...sent, says: undefined }, index) as Sent), says: sent.says }));

/** The same with the names of the row's shop in all texts. */
function filledIn(value: unknown, index: number): unknown {
  if (typeof value === 'string')
    return value
      .replaceAll('{token}', `token-${index}`)
      .replaceAll('{serverToken}', `server-token-${index}`)
      .replaceAll('{shop}', named(index))
      .replaceAll('{row}', String(index));
  if (Buffer.isBuffer(value))
    return value.includes('{') ? Buffer.from(String(filledIn(value.toString('latin1'), index)), 'latin1') : value;
  if (Array.isArray(value)) return value.map((one) => filledIn(one, index));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, filledIn(one, index)]));
}
