import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Config } from '../../schemas/config.ts';
import { ConfigError } from '../base/errors.ts';
import type { Runnable } from './durability.ts';
import { GatewayFailure, whatFailed } from './start-errors.ts';

export type ToLoad = Omit<Runnable, 'destinations'>;

/** What the thread answers: a configuration, its mistakes, or a failure. */
export interface Loaded {
  readonly config?: Config;
  readonly mistakes?: readonly string[];
  readonly failure?: string;
}

/**
 * `loadRunnable` in a thread of its own. Reading and checking 2,000 shops takes a second, in which no request would be answered; and a text
 * that needs too much memory ends the thread and not the process. Rejects with ConfigError or GatewayFailure.
 */
export function loadInThread({ found, settings, env }: ToLoad): Promise<Config> {
  const given: ToLoad = { found, settings, env: { ...env } };
  const thread = startThread(given);
  return new Promise((resolve, reject) => {
    thread.once('message', ({ config, mistakes, failure = '' }: Loaded) => {
      if (config) resolve(config);
      else reject(mistakes ? new ConfigError(mistakes) : new GatewayFailure(failure));
    });
    const failed = (error: unknown): void =>
      reject(new GatewayFailure(`the configuration could not be read: ${whatFailed(error)}`, { cause: error }));
    thread.once('error', failed);
    thread.once('exit', (code) => failed(new GatewayFailure(`its thread ended with ${code}`)));
  });
}

function startThread(workerData: ToLoad): Worker {
  const extension = extname(import.meta.filename);
  const script = new URL(`./load-thread${extension}`, import.meta.url);
  if (extension !== '.ts') return new Worker(script, { workerData });
  // Run from TypeScript (npm run dev): tsx works in a thread only if the thread registers it.
  const asking = `import('tsx/esm/api').then(({ register }) => { register(); return import('${script.href}'); })`;
  return new Worker(asking, { workerData, eval: true });
}
