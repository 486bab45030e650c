/** Does something in every turn of the event loop, until it is stopped. */
export function everyTurn(action: () => void): () => void {
  let next: NodeJS.Immediate;
  const turn = () => {
    action();
    next = setImmediate(turn).unref();
  };
  next = setImmediate(turn).unref();
  return () => clearImmediate(next);
}

/** Counts the turns that others could have had since, until it is told to stop. */
export function countTurns(): { count: () => number; stop: () => void } {
  let turns = 0;
  const stop = everyTurn(() => {
    turns += 1;
  });
  return { count: () => turns, stop };
}
