import { setMaxListeners } from 'node:events';

/**
 * Calls `listener` once when the signal aborts, but not if it has aborted already. Gives the function that removes the listener: call it when
 * the work is done, or listeners of a long-lived signal pile up. Any number may listen at a time (lanes, readers, requests): that is no leak.
 */
export function onAbort(signal: AbortSignal, listener: () => void): () => void {
  setMaxListeners(0, signal);
  signal.addEventListener('abort', listener, { once: true });
  return () => signal.removeEventListener('abort', listener);
}
