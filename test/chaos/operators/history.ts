import type { Balance } from '../../../schemas/admin-api/balance.ts';
import type { DeadView } from '../../../schemas/admin-api/dead-letters.ts';
import type { PipelineReport } from '../../../schemas/admin-api/pipelines.ts';
import type { QuarantinedHeadView } from '../../../schemas/admin-api/quarantine.ts';
import type { Receipt } from '../../../schemas/admin-api/receipts.ts';
import type { ReplayJob } from '../../../schemas/admin-api/replays.ts';
import { journal } from '../ledger.ts';

// All times are milliseconds since 1970, of one steady clock: receivers, load, operators and faults share a process.

/** An event that was sent. */
export interface Sent {
  readonly id: string;
  readonly shop: string;
  readonly isCart: boolean;
  /** Of a type that the shop refuses as long as its configuration does not list it. */
  readonly isCustom: boolean;
  /** When it was sent first. */
  readonly at: number;
  /** When the first complete 2xx had come; absent where none ever did. */
  ackedAt?: number;
}

/** One request as its receiver saw it. */
export interface Delivery {
  /** In the order in which they came. */
  readonly number: number;
  /** The path it came to: `/shop/pipeline/generation`. */
  readonly address: string;
  readonly shop: string;
  /** The pipeline that it names in its body; that of a replay is `hook-r1`. */
  readonly pipeline: string;
  readonly webhookId: string;
  readonly ids: readonly string[];
  readonly begunAt: number;
  /** What the receiver answered. Of 200 it has taken the events; `hang` is no answer at all. */
  answer?: 200 | 400 | 500 | 'hang';
  /** When the connection had the whole answer, or was broken off. */
  endedAt?: number;
  /** Whether the answer went out whole. */
  whole?: boolean;
}

export type OrderKind =
  | 'suspend'
  | 'resume'
  | 'redrive'
  | 'discard'
  | 'replay'
  | 'cancel'
  | 'reload'
  | 'redrive quarantine'
  | 'discard quarantine';

/** One order of an operator, and what became of it. */
export interface Order {
  readonly kind: OrderKind;
  /** What was selected or named, as the call has it. */
  readonly input: Readonly<Record<string, unknown>>;
  /** Dead letters that it was meant for, as `pipelineKey#event`, where they were looked up right before. */
  readonly letters?: readonly string[];
  readonly by: 'api' | 'cli';
  readonly begunAt: number;
  endedAt?: number;
  /** `done`: a 2xx; `refused`: another complete answer, so nothing happened; `cut`: nobody knows. */
  result?: 'done' | 'refused' | 'cut';
  answer?: Readonly<Record<string, unknown>>;
}

/** A process that was killed, stopped in order, or stood still; or started, until it was ready: it takes its share of the pipelines from the others. */
export interface Fault {
  readonly kind: 'kill' | 'stop' | 'pause' | 'start';
  readonly process: string;
  /** Whether it moves pipelines. */
  readonly delivers: boolean;
  readonly from: number;
  to?: number;
  /** Of an orderly stop. */
  exit?: number | null;
}

/** A configuration that was written, and from when on every process was known to follow it. */
export interface Configured {
  /** The addresses at which pipelines may deliver, by `shop/pipeline`. */
  readonly addresses: Readonly<Record<string, string>>;
  /** Whether the pipeline with a filter leaves out what goes into the cart. */
  readonly isNarrow: boolean;
  readonly writtenAt: number;
  confirmedAt?: number;
}

/** What the gateway says of itself at the end. */
export interface Final {
  /** Letters before the last redrive, once nothing was to be tried any more. */
  readonly lettersBefore: readonly string[];
  /** When that was. */
  readonly lettersAt: number;
  readonly balance: Balance;
  readonly pipelines: readonly PipelineReport[];
  readonly dead: readonly DeadView[];
  readonly quarantine: readonly QuarantinedHeadView[];
  readonly replays: readonly ReplayJob[];
  /** By `shop#event`. */
  readonly receipts: ReadonlyMap<string, readonly Receipt[]>;
}

/** All that happened, for the judge. */
export interface History {
  readonly sent: Map<string, Sent>;
  readonly deliveries: Delivery[];
  readonly orders: Order[];
  readonly faults: Fault[];
  readonly configured: Configured[];
}

export const keyOf = ({ shop, pipeline }: { readonly shop: string; readonly pipeline: string }): string =>
  `${shop}/${pipeline}`;

export const now = (): number => performance.timeOrigin + performance.now();

/** A history that can also be read as lines, each written when the thing was over. */
export interface Scribe extends History {
  /** Writes a line; times in it are in milliseconds since the beginning. */
  note(what: string, about: object): void;
}

export function openHistory(path: string): Scribe {
  const lines = journal(path);
  const began = now();
  const since = (_: string, value: unknown) =>
    typeof value === 'number' && value > 1e12 ? Math.round((value - began) * 10) / 10 : value;
  return {
    sent: new Map(),
    deliveries: [],
    orders: [],
    faults: [],
    configured: [],
    note: (what, about) =>
      lines.write({ t: Math.round((now() - began) * 10) / 10, what, ...JSON.parse(JSON.stringify(about, since)) }),
  };
}
