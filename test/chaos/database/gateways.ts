import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../../support/ports.ts';
import { ADMIN_TOKEN } from '../admin.ts';
import type { Finding } from '../findings.ts';
import { type Gateway, startGateway } from '../gateway.ts';
import { stopped } from '../scenario.ts';

export type Environment = Readonly<Record<string, string>>;

/** Gateways that share a log, each in a folder of its own. */
export interface Gateways {
  /** Starts one more, which is not ready yet; `entry` is another build. */
  start(environment?: Environment, entry?: string): Promise<Gateway>;
  /** Those that were neither stopped nor killed. */
  readonly live: ReadonlySet<Gateway>;
  /** Stops those: each must exit with 0. */
  stopAll(): Promise<Finding[]>;
}

export function gatewaysOn(log: string, options: { folder: string; entry: string; config: object }): Gateways {
  const live = new Set<Gateway>();
  let count = 0;
  return {
    live,
    async start(environment = {}, entry = options.entry) {
      const folder = join(options.folder, `gateway-${++count}`);
      mkdirSync(folder);
      const port = await freePort();
      const gateway = startGateway({
        ...options,
        entry,
        folder,
        port,
        environment: { LOG_URL: log, ADMIN_TOKEN, ...environment },
      });
      const leaving = {
        ...gateway,
        kill: () => {
          live.delete(leaving);
          return gateway.kill();
        },
        stop: () => {
          live.delete(leaving);
          return gateway.stop();
        },
      };
      live.add(leaving);
      return leaving;
    },
    stopAll: () => Promise.all([...live].map(stopped)),
  };
}

/** Why a gateway did not start, in its own words; nothing, where it did. */
export async function refusal(gateway: Gateway, limitMs: number): Promise<string | undefined> {
  const words = await gateway.ready(limitMs).then(
    () => undefined,
    ({ message }: Error) => message,
  );
  if (words !== undefined) await gateway.kill();
  return words;
}
