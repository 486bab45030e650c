import { Agent } from 'node:http';
import { layersOrder, post, type Reply } from '../post.ts';
import { pause } from '../random.ts';

/** A shop without pipelines, so that its events are in nobody's way. */
export const probed = { shop: 'probe.myshopify.com', token: 'token-probe' } as const;

export interface Probed {
  /** When it was sent, and how long the answer took, in milliseconds. */
  readonly at: number;
  readonly ms: number;
  readonly type: 'product_view' | 'add_to_cart';
  /** 0 where there was no answer. */
  readonly status: number;
  readonly retryAfter: string | undefined;
  /** Why there was none: nobody could be reached; or somebody was, and broke off or said nothing. */
  readonly unanswered?: { readonly kind: 'unreached' | 'broken'; readonly why: string };
}

const EVERY_MS = 50;

/** Sends a browse event and a cart event in turn, and notes what the gateway says. */
export function probe(port: number): { readonly seen: readonly Probed[]; stop(): Promise<void> } {
  const agent = new Agent({ keepAlive: true });
  const seen: Probed[] = [];
  let stopped = false;
  const ended = (async () => {
    for (let n = 0; !stopped; n += 1) {
      const type = n % 2 === 0 ? 'product_view' : 'add_to_cart';
      const at = performance.now();
      const event = {
        event_id: `probe-${n}`,
        event_type: type,
        timestamp: new Date().toISOString(),
        session_id: 'probe',
        product_id: 1,
      };
      const reply = await post({ port, agent, ...layersOrder(probed.token, [event]) });
      seen.push({ at, ms: performance.now() - at, type, ...outcomeOf(reply) });
      await pause(EVERY_MS);
    }
    agent.destroy();
  })();
  return {
    seen,
    stop: () => {
      stopped = true;
      return ended;
    },
  };
}

function outcomeOf(reply: Reply): Pick<Probed, 'status' | 'retryAfter' | 'unanswered'> {
  if ('status' in reply) return { status: reply.status, retryAfter: reply.headers['retry-after'] };
  const unanswered =
    'unreached' in reply
      ? { kind: 'unreached' as const, why: reply.unreached }
      : { kind: 'broken' as const, why: reply.broken };
  return { status: 0, retryAfter: undefined, unanswered };
}

const isTaken = ({ status }: Probed): boolean => status >= 200 && status < 300;

/** Seconds from a moment to the first event that is taken after it; infinite where there is none. */
export const secondsToTaken = (seen: readonly Probed[], from: number): number =>
  ((seen.find((one) => one.at >= from && isTaken(one))?.at ?? Number.POSITIVE_INFINITY) - from) / 1000;

/** Seconds from a moment to the last event that is taken before another; 0 where none is. */
export const secondsTaken = (seen: readonly Probed[], from: number, to: number): number =>
  ((seen.findLast((one) => one.at >= from && one.at < to && isTaken(one))?.at ?? from) - from) / 1000;

/** What the gateway said between two moments, by kind of event and status. */
export function statuses(seen: readonly Probed[], from: number, to: number): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { at, type, status } of seen) {
    if (at < from || at >= to) continue;
    const key = `${type} ${status}`;
    counts[key] = (counts[key] ?? 0) + 1;
  }
  return counts;
}
