import { setMaxListeners } from 'node:events';

/**
 * Calls `listener` when the signal aborts, once; not where it has aborted already. Gives what ends that: to be called when the work is
 * done, or the listeners of a long life grow. Any number may listen at a time: as many as lanes, readers or requests, which is no leak.
 */
export function onAbort(signal: AbortSignal, listener: () => void): () => void {
  setMaxListeners(0, signal);
  signal.addEventListener('abort', listener, { once: true });
  return () => signal.removeEventListener('abort', listener);
}
