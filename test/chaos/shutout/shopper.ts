import { Agent } from 'node:http';
import { layersOrder, post } from '../post.ts';
import { pause } from '../random.ts';

const EVERY_MS = 10;
const PATIENCE_MS = 5_000;

/** Browse events of one shop, 100 a second: how they were answered, and the milliseconds within which 99 % of them were. */
export async function shopper({ port, token, seconds }: { port: number; token: string; seconds: number }) {
  const agent = new Agent({ keepAlive: true, timeout: PATIENCE_MS });
  const statuses: Record<string, number> = {};
  const times: number[] = [];
  const all: Promise<void>[] = [];
  const send = async (): Promise<void> => {
    const begin = performance.now();
    const event = { event_type: 'product_view', timestamp: new Date().toISOString(), session_id: 's', product_id: 1 };
    const reply = await post({ port, agent, ...layersOrder(token, [event]) });
    const status = 'status' in reply ? String(reply.status) : 'none';
    statuses[status] = (statuses[status] ?? 0) + 1;
    times.push(performance.now() - begin);
  };
  for (const end = performance.now() + seconds * 1000; performance.now() < end; ) {
    all.push(send());
    await pause(EVERY_MS);
  }
  await Promise.all(all);
  agent.destroy();
  times.sort((a, b) => a - b);
  const refused = statuses['503'] ?? 0;
  const lost = all.length - refused - (statuses['201'] ?? 0);
  return { sent: all.length, statuses, refused, lost, p99: Math.round(times[Math.floor(times.length * 0.99)] ?? 0) };
}
