import { archived } from '../archive.ts';
import { linesOf } from '../ledger.ts';
import { pause } from '../random.ts';

const TRIES = 60;

/** Acknowledged requests about carts whose cart event, the last of this many in a body, has not come to the archive after a minute. */
export async function notArchived(directory: string, acked: string, events: number): Promise<string[]> {
  const wanted = linesOf<{ id: string }>(acked)
    .map(({ id }) => id)
    .filter((id) => id.includes('-sale-'))
    .map((id) => id.replace('-sale-0-', `-sale-${events - 1}-`));
  if (wanted.length === 0) return ['none was acknowledged'];
  for (let left = wanted, tries = 0; ; tries += 1) {
    const there = new Set(archived(directory, 'archive').flatMap((one) => ('id' in one ? [one.id] : [])));
    left = wanted.filter((id) => !there.has(id));
    if (left.length === 0 || tries === TRIES) return left;
    await pause(1000);
  }
}
