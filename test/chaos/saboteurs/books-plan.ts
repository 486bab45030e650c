import { type Mark, plant } from '../events.ts';
import { noise, seeded } from '../random.ts';

export const PIPELINE = 'hook';
const REQUESTS = 40;
const VALID = 5;
/** One in this many requests comes again at once, and one brings an invalid event. */
const AGAIN_EVERY = 5;
const INVALID_EVERY = 8;
/** So many of the first come once more at the end. */
const LATE = 10;
const LANE = 'lane0';

export interface BooksRequest {
  readonly events: readonly object[];
  readonly marks: readonly Mark[];
  readonly invalid: readonly string[];
}

/** What one shop sends. The ids are those of every other shop. */
export interface BooksPlan {
  readonly shop: string;
  readonly pipeline: string;
  readonly first: readonly BooksRequest[];
  readonly late: readonly BooksRequest[];
}

export function planOf(shop: string, seed: number): BooksPlan {
  const random = seeded(seed);
  const requests = Array.from({ length: REQUESTS }, (_, number) => requestOf(shop, number, random));
  const first = requests.flatMap((request, number) => (number % AGAIN_EVERY === 0 ? [request, request] : [request]));
  return { shop, pipeline: PIPELINE, first, late: requests.slice(0, LATE) };
}

function requestOf(shop: string, number: number, random: () => number): BooksRequest {
  const sown = Array.from({ length: VALID }, (_, k) => plant('books', shop, LANE, number * VALID + k, noise(random)));
  const events = sown.map(({ event }) => event);
  const marks = sown.map(({ mark }) => mark);
  if (number % INVALID_EVERY !== 0) return { events, marks, invalid: [] };
  const id = `books-invalid-${number}`;
  return { events: [...events, { ...events[0], event_id: id, event_type: 'stars_counted' }], marks, invalid: [id] };
}
