import { Agent } from 'node:http';
import { journal } from './ledger.ts';
import { lanes, type Plan, type PlannedRequest, requestsOf } from './mixed-plan.ts';
import { post, type Reply } from './post.ts';
import { pause } from './random.ts';

export interface MixedLoadOptions {
  readonly plan: Plan;
  readonly port: number;
  readonly ledger: string;
  /** Events per second, of all lanes together. */
  readonly rate: number;
}

/** What became of one attempt at one request. */
export type Answer =
  | {
      readonly kind: 'answered';
      readonly lane: string;
      readonly number: number;
      readonly status: number;
      /** What the answer's headers say. */
      readonly accepted: number;
      readonly duplicate: number;
      readonly rejected: number;
    }
  /** It may be in or out. What could not even connect is not written down. */
  | { readonly kind: 'unknown'; readonly lane: string; readonly number: number; readonly why: string };

const retryMs = 50;

/** Sends all of the plan, each lane in order, and each request until it is answered. Tells its parent how far it has come. */
async function runLoad(
  { plan, port, ledger, rate }: MixedLoadOptions,
  onProgress: (events: number) => void,
): Promise<void> {
  const { write, close } = journal(ledger);
  const agent = new Agent({ keepAlive: true });
  let sent = 0;
  const runLane = async (index: number) => {
    const begin = performance.now();
    let own = 0;
    for (const request of requestsOf(plan, index)) {
      await pause(begin + (own / (rate / lanes)) * 1000 - performance.now());
      const events = request.fresh.length + request.refused.length;
      own += Math.max(1, events);
      await untilAnswered(request, () => post({ port, agent, ...request.order }), write);
      sent += events;
      onProgress(sent);
    }
  };
  await Promise.all(Array.from({ length: lanes }, (_, index) => runLane(index)));
  agent.destroy();
  close();
}

async function untilAnswered(
  { lane, number }: PlannedRequest,
  attempt: () => Promise<Reply>,
  write: (answer: Answer) => void,
): Promise<void> {
  for (;;) {
    const reply = await attempt();
    if ('status' in reply && reply.status !== 503) {
      const [accepted, duplicate, rejected] = ['accepted', 'duplicate', 'rejected'].map((name) =>
        Number(reply.headers[`x-events-${name}`]),
      ) as [number, number, number];
      return write({ kind: 'answered', lane, number, status: reply.status, accepted, duplicate, rejected });
    }
    const why = 'status' in reply ? `${reply.status}` : 'broken' in reply ? reply.broken : undefined;
    if (why !== undefined) write({ kind: 'unknown', lane, number, why });
    await pause(retryMs);
  }
}

if (process.argv[1] === import.meta.filename) {
  let told = 0;
  await runLoad(JSON.parse(process.argv[2] ?? '{}') as MixedLoadOptions, (sent) => {
    if (sent - told < 100) return;
    told = sent;
    process.send?.(sent);
  });
  process.exit(0);
}
