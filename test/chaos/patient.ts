import { pause } from './random.ts';
import type { Order, RawClient, Seen } from './raw.ts';

/** How often a client comes again before it takes "come again" for a fault. */
const MOST_TIMES = 200;

/**
 * Sends until the answer is another than "not now": on a machine that is busy with other things the gateway may put clients off, with 503
 * and a time, and has then taken nothing. `onPutOff` is called each time.
 */
export async function sentPatiently(client: RawClient, order: Order, onPutOff: () => void): Promise<Seen> {
  for (let times = 1; ; times += 1) {
    const seen = await client.send(order);
    const isPutOff = seen.kind === 'answered' && seen.status === 503 && /^retry-after: \d/im.test(seen.head);
    if (!isPutOff || times === MOST_TIMES) return seen;
    onPutOff();
    // Far less than it asks: this is about answers, and not about manners.
    await pause(100);
  }
}
