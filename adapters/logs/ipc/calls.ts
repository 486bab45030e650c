import type { Context, Draft, Refusal } from '../../dialects/dialect.ts';
import type { Durability, LogRecord, Position, Stored, Verdict } from '../log.ts';
import type { PartName } from '../methods.ts';

/** The name by which a method of a store's part is asked for. */
export type CallName = `${PartName}.${string}`;
export const callName = (part: PartName, method: string): CallName => `${part}.${method}`;

/** What a process may ask the owner of its store. */
export interface OwnerCalls {
  /** The methods that are passed on as they are: `METHODS` says which. */
  // biome-ignore lint/suspicious/noExplicitAny: the arguments are those of the store's own method.
  [method: CallName]: (...args: any[]) => unknown;
  open(): Opened;
  append(record: PackedRecord): PackedVerdicts;
  read(shop: string, after: Position, limit: number): Stored[];
}

/** What the owner of a store says to the others, without being asked. */
export interface UserCalls {
  /** Why no append can succeed, or that it can again. */
  failure(reason: string | undefined): void;
  /** A replay was saved, by whichever process. */
  replaySaved(): void;
}

export interface Opened {
  readonly durability: Durability;
  readonly failure: string | undefined;
}

/** A record with its drafts side by side instead of one object each, which costs a third as much to send. */
export interface PackedRecord {
  readonly dialect: string;
  readonly context: Context;
  readonly body: Buffer;
  readonly indexes: readonly number[];
  readonly ids: readonly string[];
  readonly kinds: readonly (Draft['kind'] | undefined)[];
  /** Of few events only, by their places among the drafts. */
  readonly derived: readonly (readonly [at: number, version: number])[];
  readonly orders: readonly (readonly [at: number, order: string])[];
  readonly refused: readonly Refusal[];
  readonly released: LogRecord['released'];
}

export interface PackedVerdicts {
  /** Of each event; that of a duplicate is negative. */
  readonly positions: readonly number[];
  /** Of few events only, by their places: the ids that they got. */
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
