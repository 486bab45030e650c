import { once } from 'node:events';
import type { Environment } from '../../server/config/settings.ts';
import { ended, firstMessage, startNode } from '../chaos/children.ts';
import { compiled } from '../support/built.ts';

export const config = `
shops:
  - shop: demo.myshopify.com
    tokens: [demo-token]
    origins: ['https://shop.example.com']
  - shop: other.myshopify.com
    tokens: [other-token]
`;

/** What a gateway did since it was asked last, and how much memory it has. */
export interface Strain {
  /** For how long it was held up, in milliseconds in one piece. */
  readonly stall: number;
  /** Megabytes. */
  readonly rss: number;
  /** Milliseconds of processor time that it used. */
  readonly processor: number;
}

export interface Stage {
  readonly port: number;
  strain(): Promise<Strain>;
  /** Whether its process is still there. */
  alive(): boolean;
  stop(): Promise<void>;
}

/** Starts a gateway in a process of its own. */
export async function openStage(yaml = config, env: Environment = {}): Promise<Stage> {
  const child = startNode([
    compiled('test/hostile/server.ts'),
    yaml,
    // Inputs come one after the other, faster than any shopper.
    JSON.stringify({ RATE_PER_TOKEN: '0', RATE_PER_SHOP: '0', ...env }),
  ]);
  const { port } = (await firstMessage(child)) as { port: number };
  return {
    port,
    strain: async () => {
      child.send('strain');
      const [strain] = await once(child, 'message');
      return strain as Strain;
    },
    alive: () => child.exitCode === null && child.signalCode === null,
    stop: async () => {
      await ended(child, 'SIGKILL');
    },
  };
}
