import { READ_BYTES } from './log.ts';
import type { DeadLetter } from './state/dead-letters.ts';

const MOST = 50;

/**
 * The first dead letters, at most 50, up to and including the one that reaches READ_BYTES. Each may hold an event of 256 KB; the rest is not
 * read.
 */
export function* withinBytes(letters: Iterable<DeadLetter>, most = MOST): Generator<DeadLetter> {
  let bytes = 0;
  let count = 0;
  for (const letter of letters) {
    yield letter;
    count += 1;
    bytes += JSON.stringify(letter).length;
    if (bytes >= READ_BYTES || count === most) return;
  }
}
