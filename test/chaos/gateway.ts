import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ended, startNode } from './children.ts';

export interface GatewayOptions {
  /** The built `main.js`. */
  readonly entry: string;
  /** Holds the log and `gateway.log`; the same folder again is a restart. */
  readonly folder: string;
  readonly port: number;
  readonly config: object;
  readonly environment?: Readonly<Record<string, string>>;
  /** For Node itself, such as --cpu-prof. */
  readonly nodeArguments?: readonly string[];
  readonly core?: number;
  /** A program, with its arguments, that starts Node in its place, such as strace. */
  readonly under?: readonly string[] | undefined;
  /** Takes the moment at which it ended, in milliseconds since 1970. */
  readonly ends?: number[];
}

export interface Gateway {
  readonly pid: number;
  readonly port: number;
  /** Resolves with the milliseconds from start to ready; rejects with the gateway's own last words if it exits or takes longer. */
  ready(limitMs?: number): Promise<number>;
  /** kill -9. Resolves when the process is gone. */
  kill(): Promise<void>;
  /** SIGTERM. Resolves with the exit code. */
  stop(): Promise<number | null>;
  /** Resolves once it has ended, by itself or not, with its exit code or with the signal that ended it. */
  exited(): Promise<number | NodeJS.Signals | null>;
}

/** Starts a gateway as a process of its own. */
export function startGateway(options: GatewayOptions): Gateway {
  const { entry, folder, port, nodeArguments = [] } = options;
  const startedAt = performance.now();
  const output = join(folder, 'gateway.log');
  const child = startNode([...nodeArguments, entry], {
    folder,
    output,
    core: options.core,
    under: options.under,
    environment: {
      NODE_ENV: 'production',
      PORT: String(port),
      HOST: '127.0.0.1',
      GATEWAY_CONFIG: JSON.stringify(options.config),
      LOG_URL: `lmdb:${join(folder, 'log')}`,
      LOG_LEVEL: 'warn',
      // A load comes with one token, as fast as it can.
      RATE_PER_TOKEN: '0',
      RATE_PER_SHOP: '0',
      ...options.environment,
    },
  });
  void ended(child).then(() => options.ends?.push(Date.now()));
  const lastWords = () => readFileSync(output, 'utf8').slice(-2000);

  return {
    pid: child.pid ?? 0,
    port,
    async ready(limitMs = 60_000) {
      while (!(await answersReady(port))) {
        if (child.exitCode !== null || child.signalCode !== null)
          throw new Error(
            `expected a running gateway, it exited ${child.exitCode ?? child.signalCode}: ${lastWords()}`,
          );
        if (performance.now() - startedAt > limitMs)
          throw new Error(`expected GET /readyz to answer 200 within ${limitMs} ms, it did not: ${lastWords()}`);
        await new Promise((done) => setTimeout(done, 20));
      }
      return performance.now() - startedAt;
    },
    async kill() {
      await ended(child, 'SIGKILL');
    },
    stop: () => ended(child, 'SIGTERM'),
    exited: async () => (await ended(child)) ?? child.signalCode,
  };
}

async function answersReady(port: number): Promise<boolean> {
  try {
    const answer = await fetch(`http://127.0.0.1:${port}/readyz`, { signal: AbortSignal.timeout(1000) });
    await answer.arrayBuffer();
    return answer.status === 200;
  } catch {
    return false;
  }
}
