import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Database, RootDatabase } from 'lmdb';
import type { Position } from '../log.ts';
import type { PipelineId } from '../state/shared.ts';
import type { Commit } from './chain.ts';

/** Names followed by a number: what is kept of a pipeline by position. */
export type NumberedKey = (string | number)[];

const LAST = Number.MAX_SAFE_INTEGER;
const REMOVED_AT_ONCE = 1000;

/** A pipeline's first entries before a position, as many as are removed in one commit. */
export const someUpTo = <V>(entries: Database<V, NumberedKey>, { shop, pipeline }: PipelineId, end: Position) => [
  ...entries.getRange({ start: [shop, pipeline, 0], end: [shop, pipeline, end], limit: REMOVED_AT_ONCE }),
];

/** The value with the highest number up to a position, among keys with the same names. */
export function newestUpTo<V>(
  values: Database<V, NumberedKey>,
  prefix: readonly string[],
  position: Position,
): V | undefined {
  const [found] = values.getRange({ start: [...prefix, position], end: [...prefix, -1], reverse: true, limit: 1 });
  return found?.value;
}

export async function removeEntries<V>(
  root: RootDatabase,
  from: Database<V, NumberedKey>,
  entries: readonly { readonly key: NumberedKey }[],
  commit: Commit,
): Promise<void> {
  const write = () => {
    for (const { key } of entries) void from.remove(key);
  };
  await commit(() => root.batch(write));
}

/** Removes all entries of a pipeline, some per commit; other work runs in between. */
export async function removeAll<V>(
  root: RootDatabase,
  from: Database<V, NumberedKey>,
  id: PipelineId,
  commit: Commit,
): Promise<void> {
  for (;;) {
    const some = someUpTo(from, id, LAST);
    if (some.length === 0) return;
    await removeEntries(root, from, some, commit);
    await nextTurn();
  }
}
