import type { Position } from '../../../adapters/logs/log.ts';
import type { Received } from '../judge.ts';

/** What a process did with a pipeline, as the database saw it. */
export interface Move {
  /** By the name of its destination. */
  readonly pipeline: string;
  /** By a name that no other process ever had. */
  readonly process: string;
  /** In milliseconds since 1970. */
  readonly at: number;
  readonly kind: 'claimed' | 'saved' | 'released';
  /** Of a claim: whether nobody had the pipeline any more, or only one whose lease had run out. */
  readonly expired: boolean;
  readonly before: Position;
  readonly position: Position;
}

/** A process that was killed, or stopped where it was, and when, in milliseconds since 1970. */
export interface Gone {
  readonly process: string;
  readonly at: number;
}

/** What may happen to no pipeline: moved by another than who claimed it, claimed while it is held, taken back. Pure, as all here. */
export function quarrels(moves: readonly Move[]): string[] {
  return [...byPipeline(moves)].flatMap(([pipeline, own]) => {
    let holder: string | undefined;
    return own.flatMap(({ kind, process, expired, before, position }) => {
      const had = holder;
      if (kind === 'claimed') holder = process;
      if (kind === 'released') holder = undefined;
      if (kind === 'claimed')
        return had === undefined || expired ? [] : [`${pipeline}: ${process} claimed it from ${had}, whose lease held`];
      if (process !== had) return [`${pipeline}: ${process} ${kind} it while ${had ?? 'nobody'} had it`];
      return position < before ? [`${pipeline}: ${process} took it back from ${before} to ${position}`] : [];
    });
  });
}

/** A pipeline that passed from one process to another, and how long it stood still. */
export interface Passage {
  readonly pipeline: string;
  readonly from: string;
  readonly to: string;
  readonly seconds: number;
}

export interface Takeovers {
  /** From when a pipeline's holder was gone until another has finished an event of it. */
  readonly passages: readonly Passage[];
  /** Claims from a holder that was there all the time, and had not said so soon enough. */
  readonly lapsed: readonly string[];
  /** Pipelines of those that are gone, which nobody took over. */
  readonly stranded: readonly string[];
}

export function takeovers(moves: readonly Move[], gone: readonly Gone[]): Takeovers {
  const passages: Passage[] = [];
  const lapsed: string[] = [];
  const stranded: string[] = [];
  for (const [pipeline, own] of byPipeline(moves)) {
    let holder: string | undefined;
    for (const [index, { kind, process, at }] of own.entries()) {
      if (kind === 'claimed' && holder !== undefined) {
        const from = holder;
        const since = gone.findLast((one) => one.process === from && one.at <= at)?.at;
        // Finished by any process: it may have been handed on at once.
        const on = own.slice(index).find((later) => later.position > later.before);
        if (since === undefined) lapsed.push(`${pipeline}: ${process} claimed it from ${from}, which was there`);
        else passages.push({ pipeline, from, to: process, seconds: ((on?.at ?? at) - since) / 1000 });
      }
      if (kind !== 'saved') holder = kind === 'claimed' ? process : undefined;
    }
    if (gone.some(({ process }) => process === holder))
      stranded.push(`${pipeline} stays with ${holder}, which is gone`);
  }
  return { passages, lapsed, stranded };
}

/** From the release of a pipeline to its next claim. */
export function handovers(moves: readonly Move[]): Passage[] {
  return [...byPipeline(moves)].flatMap(([pipeline, own]) =>
    own.flatMap((move, index) => {
      const released = own[index - 1];
      if (move.kind !== 'claimed' || released?.kind !== 'released') return [];
      const seconds = (move.at - released.at) / 1000;
      return [{ pipeline, from: released.process, to: move.process, seconds }];
    }),
  );
}

/** Repeats that nothing explains: at no time between the two arrivals was the pipeline claimed anew. */
export function unexplained(
  received: readonly (Received & { readonly at: number })[],
  moves: readonly Move[],
): { readonly repeats: number; readonly wrong: string[] } {
  const claims = new Map(
    [...byPipeline(moves)].map(([pipeline, own]) => [
      pipeline,
      own.filter(({ kind }) => kind === 'claimed').map(({ at }) => at),
    ]),
  );
  const last = new Map<string, number>();
  const wrong: string[] = [];
  let repeats = 0;
  for (const { id, destination, delivery, at } of received) {
    const key = `${id} at ${destination}`;
    // Files do not say when a line was written.
    if (!delivery) continue;
    const before = last.get(key);
    last.set(key, at);
    if (before === undefined) continue;
    repeats += 1;
    const claimed = claims.get(destination)?.some((when) => when >= before && when <= at);
    if (!claimed) wrong.push(`${key}, ${at - before} ms later`);
  }
  return { repeats, wrong };
}

/** How often the pipeline was claimed that was claimed most often. */
export const mostClaims = (moves: readonly Move[]): number =>
  Math.max(0, ...[...byPipeline(moves).values()].map((own) => own.filter(({ kind }) => kind === 'claimed').length));

function byPipeline(moves: readonly Move[]): Map<string, Move[]> {
  const all = new Map<string, Move[]>();
  for (const move of moves) {
    const own = all.get(move.pipeline) ?? [];
    if (own.length === 0) all.set(move.pipeline, own);
    own.push(move);
  }
  return all;
}
