import type { Position } from '../../adapters/logs/log.ts';
import type { Stretch } from '../../adapters/logs/state/shared.ts';

/** Positions in any order, as stretches in ascending order. */
export function stretchesOf(positions: Iterable<Position>): Stretch[] {
  const stretches: [Position, Position][] = [];
  for (const position of [...positions].sort((a, b) => a - b)) {
    const last = stretches.at(-1);
    if (last && position === last[1] + 1) last[1] = position;
    else stretches.push([position, position]);
  }
  return stretches;
}

export function* positionsIn(stretches: readonly Stretch[]): Generator<Position> {
  for (const [from, to] of stretches) for (let position = from; position <= to; position++) yield position;
}

export const covers = (stretches: readonly Stretch[], position: Position): boolean =>
  stretches.some(([from, to]) => from <= position && position <= to);
