/** Counts the turns that others could have had since, until it is told to stop. */
export function countTurns(): { count: () => number; stop: () => void } {
  let turns = 0;
  let counting = true;
  const next = (): void =>
    void setImmediate(() => {
      turns += 1;
      if (counting) next();
    });
  next();
  return {
    count: () => turns,
    stop: () => {
      counting = false;
    },
  };
}
