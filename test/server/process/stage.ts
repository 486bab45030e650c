import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Suite } from '../../support/describe.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { call, type Reply, SHOP } from '../../support/gateway.ts';
import { type Started, startMain } from '../../support/main.ts';
import { openSink, type Sink } from '../../support/sink.ts';

export const ADMIN_TOKEN = 'a'.repeat(32);
const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

/** A folder with a configuration that delivers to a sink, and the gateways that run in it. */
export interface Stage {
  readonly sink: Sink;
  /** Starts a gateway of several processes there. What `env` does not say is as for the stage. `main`: that of another build. */
  run(env?: Record<string, string>, main?: string): Started;
  /** Ids of the events that were delivered. */
  delivered(): unknown[];
  /** Writes the configuration's file, as a whole or with these tokens. */
  write(config: { readonly tokens: string } | string): void;
  /** Kills all that still runs. */
  close(): Promise<void>;
}

export async function openStage(stageEnv: Record<string, string>): Promise<Stage> {
  const folder = temporaryFolder();
  const sink = await openSink();
  const all: Started[] = [];
  const write: Stage['write'] = (config) =>
    writeFileSync(
      join(folder.path, 'gateway.yaml'),
      typeof config === 'string' ? config : configOf(sink.url, config.tokens),
    );
  write({ tokens: '[demo-token]' });
  return {
    sink,
    write,
    run(env, main) {
      const started = startMain(folder.path, { GATEWAY_CONFIG: 'gateway.yaml', ...stageEnv, ...env }, main);
      all.push(started);
      return started;
    },
    delivered: () => sink.events().map(({ event_id }) => event_id),
    async close() {
      for (const started of all) started.signalAll('SIGKILL');
      await sink.close();
      folder.remove();
    },
  };
}

const configOf = (url: string, tokens: string) => `
shops:
  - shop: ${SHOP}
    tokens: ${tokens}
    pipelines:
      - id: hook
        destination: { type: webhook, url: "${url}", secret: "${SECRET}", allowPrivateNetworks: true }
`;

export const admin = (port: number, path: string, order?: object): Promise<Reply> =>
  call(port, {
    method: order ? 'POST' : 'GET',
    path: `/admin${path}`,
    headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' },
    ...(order && { body: JSON.stringify(order) }),
  });

/** Each test starts several processes, and some again. */
export const patient =
  (it: Suite['it']): Suite['it'] =>
  (promise, test) =>
    it(promise, test, { timeoutMs: 90_000 });
