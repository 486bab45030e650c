import { Agent } from 'node:http';
import { plant } from './events.ts';
import { type Entry, journal } from './ledger.ts';
import { layersOrder, post, type Reply } from './post.ts';
import { pause } from './random.ts';

export interface HeldOptions {
  readonly run: string;
  readonly shop: string;
  readonly token: string;
  readonly port: number;
  readonly ledger: string;
  /** How many requests, each on a connection of its own that stays open as long as the gateway lets it. */
  readonly requests: number;
}

/** Requests whose headers have arrived, with the bodies still to come. */
export interface Held {
  /** Sends the bodies, spread over this many milliseconds, and gives what the gateway answered to each. */
  finish(overMs: number): Promise<Reply[]>;
  /** Breaks off whatever is left of the connections. */
  close(): Promise<void>;
}

/** Longer than any gateway takes to stop. */
const patienceMs = 120_000;

/** Holds requests half done; resolves once the gateway has confirmed the headers of all. `name` is the beginning of their lanes'. */
export async function holdRequests(options: HeldOptions, name: string): Promise<Held> {
  const ledger = journal(options.ledger);
  const agent = new Agent({ keepAlive: true });
  const held = await Promise.all(
    Array.from({ length: options.requests }, (_, index) => hold(options, `${name}-${index}`, agent, ledger.write)),
  );
  return {
    async finish(overMs) {
      const replies: Promise<Reply>[] = [];
      for (const { release, reply } of held) {
        await pause(overMs / held.length);
        release();
        replies.push(reply);
      }
      return Promise.all(replies);
    },
    async close() {
      agent.destroy();
      await Promise.all(held.map(({ reply }) => reply));
      ledger.close();
    },
  };
}

/** One request: `release` sends its body. */
interface HeldRequest {
  readonly release: () => void;
  readonly reply: Promise<Reply>;
}

/** Resolves once the headers of one request are confirmed. */
function hold(
  { run, shop, token, port }: HeldOptions,
  lane: string,
  agent: Agent,
  write: (entry: Entry) => void,
): Promise<HeldRequest> {
  const { event, mark } = plant(run, shop, lane, 0, 'held');
  write({ kind: 'sent', shop, lane, from: 0, crcs: [mark.crc] });
  return new Promise((resolve, reject) => {
    const onContinue = () => new Promise<void>((release) => resolve({ release, reply }));
    const reply = post({ port, agent, ...layersOrder(token, [event]), onContinue }, patienceMs).then((reply) => {
      reject(new Error(`expected 100 Continue first, got ${JSON.stringify(reply)}`));
      const acked = 'status' in reply && reply.status < 300;
      write({ kind: acked ? 'acked' : 'unknown', lane, from: 0, count: 1, why: JSON.stringify(reply) });
      return reply;
    });
  });
}
