/** One line of a set: a scenario, how it is played, and what the table says of it. */
export interface Act {
  /** Its file in this folder, without `.ts`. */
  readonly scenario: string;
  /** What it does, in the table's words. */
  readonly about: string;
  /** Its arguments, beside the seed. */
  readonly with?: string;
  /** Its figures mean something only while nothing else runs. */
  readonly alone?: boolean;
  /** The findings whose counts the table shows; all that are not 0 if absent. */
  readonly shows?: readonly string[];
}

/** About five minutes: what every change must pass. */
export const short: readonly Act[] = [
  {
    scenario: 'kill',
    about: 'kill -9 at random moments',
    with: '--kills 25 --seconds 50 --rate 4000',
  },
  {
    scenario: 'kill',
    about: 'kill -9 at random moments, on PostgreSQL',
    with: '--log postgres --kills 25 --seconds 60 --rate 2000',
  },
];

/** An hour and more. */
export const long: readonly Act[] = [
  {
    scenario: 'kill',
    about: 'kill -9 at random moments',
    with: '--kills 300 --rounds 10 --seconds 600 --rate 9000',
  },
];
