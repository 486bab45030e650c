import { type EventLog, type Position, type Stored, UnreadableEvents } from '../../adapters/logs/log.ts';

/** The events read, and the position where reading continues. */
export interface Piece {
  readonly stored: readonly Stored[];
  /** Undefined at the end. */
  readonly last: Position | undefined;
  /** Number of events skipped because this version cannot read them. */
  readonly unreadable: number;
}

/** Like the log's `read`, for readers that deliver nothing: events that this version cannot read are skipped and counted. */
export async function readOver(
  log: Pick<EventLog, 'read'>,
  shop: string,
  after: Position,
  limit: number,
  signal: AbortSignal,
): Promise<Piece> {
  try {
    const stored = await log.read(shop, after, limit, signal);
    return { stored, last: stored.at(-1)?.position, unreadable: 0 };
  } catch (error) {
    if (!(error instanceof UnreadableEvents)) throw error;
    const { from, to } = error.stretch;
    return { stored: [], last: to, unreadable: to - Math.max(from - 1, after) };
  }
}

/** Why a pipeline is suspended before events that cannot be read, and what to do. `newest`: the newest position on the log. */
export const suspensionFor = ({ message }: UnreadableEvents, newest: Position): string =>
  `${message}. Deploy the version that stored them and resume; then they are delivered. Resuming without it skips what cannot be read up to event ${newest} and counts it as dropped; it stays on the log, and a replay by a version that can read it delivers it`;
