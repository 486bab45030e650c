import { mkdirSync } from 'node:fs';
import { Agent } from 'node:http';
import { join } from 'node:path';
import { freePort } from '../../support/ports.ts';
import { type Mark, plant } from '../events.ts';
import { startGateway } from '../gateway.ts';
import { layersOrder, post } from '../post.ts';
import { noise, seeded } from '../random.ts';
import { pipelineOf } from '../targets.ts';

export const shop = { shop: 'one.myshopify.com', token: 'token-one' } as const;
const other = { shop: 'other.myshopify.com', token: 'token-other' } as const;

/** A log with events that no pipeline has delivered, and one of another shop. */
export interface Sound {
  readonly log: string;
  readonly other: string;
  /** What is on the log, by id. */
  readonly marks: ReadonlyMap<string, Mark>;
}

/** A configuration with one pipeline, whose sink listens there under that name. */
export function configOf({ shop: name, token }: typeof shop | typeof other, port: number, path: string): object {
  const settings = { url: `http://127.0.0.1:${port}/${path}` };
  const pipeline = pipelineOf({ shop: name, pipeline: 'hook', port, settings });
  return { shops: [{ shop: name, tokens: [token], pipelines: [pipeline] }] };
}

const BATCH = 20;

export async function makeLog(options: { folder: string; entry: string; events: number }): Promise<Sound> {
  const { folder, entry, events } = options;
  const [marks] = await Promise.all([
    filled(join(folder, 'one'), entry, shop, events),
    filled(join(folder, 'other'), entry, other, BATCH),
  ]);
  return { log: join(folder, 'one', 'log'), other: join(folder, 'other', 'log'), marks };
}

async function filled(folder: string, entry: string, owner: typeof shop | typeof other, events: number) {
  mkdirSync(folder, { recursive: true });
  // Nobody listens at the destination.
  const [port, deaf] = [await freePort(), await freePort()];
  const gateway = startGateway({ entry, folder, port, config: configOf(owner, deaf, 'nowhere') });
  await gateway.ready();
  const marks = await send(port, owner, 'before', events);
  await gateway.stop();
  if (marks.size !== events) throw new Error(`expected ${events} events on a sound log, got ${marks.size}`);
  return marks;
}

/** Sends this many events; gives those that were acknowledged. */
export async function send(
  port: number,
  owner: typeof shop | typeof other,
  lane: string,
  events: number,
): Promise<Map<string, Mark>> {
  const agent = new Agent({ keepAlive: true });
  const random = seeded(events);
  const acked = new Map<string, Mark>();
  for (let from = 0; from < events; from += BATCH) {
    const planted = Array.from({ length: Math.min(BATCH, events - from) }, (_, i) =>
      plant('damage', owner.shop, lane, from + i, noise(random)),
    );
    const order = layersOrder(
      owner.token,
      planted.map(({ event }) => event),
    );
    const reply = await post({ port, agent, ...order });
    if ('status' in reply && reply.status === 201) for (const { mark } of planted) acked.set(mark.id, mark);
  }
  agent.destroy();
  return acked;
}
