/** The lease of a pipeline, as stored. */
export interface LeaseRow {
  readonly id: number;
  readonly key: string;
  readonly owner: string | null;
  readonly expired: boolean | null;
  /** Milliseconds until the lease expires unless its process renews it. */
  readonly left: number | null;
  /** The process that asks for the pipeline, until the request expires. */
  readonly asked: string | null;
  readonly redrives: string;
}

/** A pipeline that this process waits for. `takes`: its owner must give it up, whatever its fair share. */
export interface Wanted {
  readonly takes: boolean;
  readonly row: LeaseRow;
}

/**
 * The pipelines to ask for: all that are taken, and some of owners above their fair share, as many as this process lacks. Pure. `movers`: number
 * of processes that move pipelines.
 */
export function toAskFor(rows: readonly LeaseRow[], waiting: readonly Wanted[], me: string, movers: number): number[] {
  const wanted = waiting.filter(({ row }) => row.owner && !row.expired && row.asked === null);
  const taken = wanted.filter(({ takes }) => takes).map(({ row }) => row.id);
  const counts = new Map<string, number>();
  // A requested pipeline already counts for the process that requests it.
  const owned = rows.flatMap(({ owner, expired, asked }) => (owner && !expired ? [asked ?? owner] : []));
  for (const owner of owned) counts.set(owner, (counts.get(owner) ?? 0) + 1);
  const share = Math.floor(owned.length / Math.max(1, movers));
  let missing = share - (counts.get(me) ?? 0);
  for (const { takes, row } of wanted) {
    const owner = row.owner ?? '';
    if (takes || missing <= 0 || owner === me || (counts.get(owner) ?? 0) <= share) continue;
    counts.set(owner, (counts.get(owner) ?? 0) - 1);
    missing -= 1;
    taken.push(row.id);
  }
  return taken;
}
