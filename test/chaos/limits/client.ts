import { Agent } from 'node:http';
import { TOKEN } from '../overload/bodies.ts';
import { layersOrder, post } from '../post.ts';
import { pause } from '../random.ts';

/** A normal client with one connection, which it keeps. */
export interface Client {
  /** Sends one event; gives the status, 0 where no answer came. */
  send(): Promise<number>;
  /** Events that were acknowledged to it. */
  acked(): number;
}

export function clientOf(port: number): Client {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  let acked = 0;
  return {
    async send() {
      const timestamp = new Date().toISOString();
      const event = {
        event_type: 'add_to_cart',
        timestamp,
        session_id: 's',
        product_id: 1,
        event_id: crypto.randomUUID(),
      };
      const reply = await post({ port, agent, ...layersOrder(TOKEN, [event]) });
      const status = 'status' in reply ? reply.status : 0;
      if (status === 201) acked += 1;
      return status;
    },
    acked: () => acked,
  };
}

/** Milliseconds until three events in a row are taken. */
export async function takenAfterMs(client: Client, limitMs: number): Promise<number> {
  const begin = performance.now();
  for (let inRow = 0; inRow < 3 && performance.now() - begin < limitMs; ) {
    inRow = (await client.send()) === 201 ? inRow + 1 : 0;
    if (inRow === 0) await pause(50);
  }
  return performance.now() - begin;
}
