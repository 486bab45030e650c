import type { Context, Draft, Refusal } from '../../dialects/dialect.ts';
import type { Durability, LogRecord, Position, Stored, Verdict } from '../log.ts';
import type { PartName } from '../methods.ts';

/** The name of a call for a method of a part of the store. */
export type CallName = `${PartName}.${string}`;
export const callName = (part: PartName, method: string): CallName => `${part}.${method}`;

/** The calls to the owner of a store. */
export interface OwnerCalls {
  /** The forwarded methods; `METHODS` says which. */
  // biome-ignore lint/suspicious/noExplicitAny: the arguments are those of the store's own method.
  [method: CallName]: (...args: any[]) => unknown;
  open(): Opened;
  append(record: PackedRecord): PackedVerdicts;
  read(shop: string, after: Position, limit: number): Stored[];
}

/** The notifications of the owner to the other processes. */
export interface UserCalls {
  /** Why no append can succeed; undefined if appends work again. */
  failure(reason: string | undefined): void;
  /** A replay was saved by any process. */
  replaySaved(): void;
}

export interface Opened {
  readonly durability: Durability;
  readonly failure: string | undefined;
}

/** A record with its drafts in columns instead of an object each; it costs a third as much to send. */
export interface PackedRecord {
  readonly dialect: string;
  readonly context: Context;
  readonly body: Buffer;
  readonly indexes: readonly number[];
  readonly ids: readonly string[];
  readonly kinds: readonly (Draft['kind'] | undefined)[];
  /** Sparse: for the few events with one, by their place among the drafts. */
  readonly derived: readonly (readonly [at: number, version: number])[];
  readonly orders: readonly (readonly [at: number, order: string])[];
  readonly refused: readonly Refusal[];
  readonly released: LogRecord['released'];
}

export interface PackedVerdicts {
  /** One per event; negative for a duplicate. */
  readonly positions: readonly number[];
  /** Sparse: the new ids of the few events that got one, by place. */
  readonly ids: readonly (readonly [at: number, id: string])[];
}

export const packRecord = ({ dialect, context, body, events, refused, released }: LogRecord): PackedRecord => ({
  dialect,
  context,
  body,
  indexes: events.map(({ index }) => index),
  ids: events.map(({ id }) => id),
  kinds: events.map(({ kind }) => kind),
  derived: events.flatMap(({ derived }, at) => (derived === undefined ? [] : [[at, derived] as const])),
  orders: events.flatMap(({ order }, at) => (order === undefined ? [] : [[at, order] as const])),
  refused,
  released,
});

export function unpackRecord({ indexes, ids, kinds, derived, orders, released, ...record }: PackedRecord): LogRecord {
  const [versions, keys] = [new Map(derived), new Map(orders)];
  const events = ids.map((id, i) => {
    const [kind, version, order] = [kinds[i], versions.get(i), keys.get(i)];
    return {
      ...{ id, index: indexes[i] ?? 0 },
      ...(kind !== undefined && { kind }),
      ...(version !== undefined && { derived: version }),
      ...(order !== undefined && { order }),
    };
  });
  return { ...record, events, ...(released && { released }) };
}

export const packVerdicts = (verdicts: readonly Verdict[]): PackedVerdicts => ({
  positions: verdicts.map(({ kind, position }) => (kind === 'stored' ? position : -position)),
  ids: verdicts.flatMap(({ id }, at) => (id === undefined ? [] : [[at, id] as const])),
});

export function unpackVerdicts({ positions, ids }: PackedVerdicts): Verdict[] {
  const verdicts = positions.map(
    (position): Verdict => ({ kind: position > 0 ? 'stored' : 'duplicate', position: Math.abs(position) }),
  );
  for (const [at, id] of ids) verdicts[at] = { ...(verdicts[at] as Verdict), id };
  return verdicts;
}
