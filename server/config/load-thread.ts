import './json-lines.ts';

import { parentPort, workerData } from 'node:worker_threads';
import { destinations } from '../../adapters/destinations/index.ts';
import { ConfigError } from '../base/errors.ts';
import { loadRunnable } from './durability.ts';
import type { Loaded, ToLoad } from './load-in-thread.ts';
import { whatFailed } from './start-errors.ts';

// The thread that load-in-thread.ts starts: reads and checks one configuration, and ends.
parentPort?.postMessage(load(workerData as ToLoad));

function load(given: ToLoad): Loaded {
  try {
    return { config: loadRunnable({ ...given, destinations }) };
  } catch (error) {
    return error instanceof ConfigError ? { mistakes: error.mistakes } : { failure: whatFailed(error) };
  }
}
